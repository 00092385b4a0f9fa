export default {
  title: '加入联邦，谁受益？',
  lead: '天空照片的所有者可以各自训练，可以在不互看照片的前提下一起训练，也可以把照片合在一起训练。',
  reading: '正在读取参考运行……首次最多需要一分钟。',
  noStory: '此处无法读取参考运行',
  noStoryText: '其文件夹 outputs/reference 中没有已完成的运行。网站其余部分不受影响。',
  runs: '查看运行',
  runsText: '每次运行逐轮的训练过程。',
  compare: '比较运行',
  compareText: '曲线、所有者，以及每个差值及其区间。',
  ask: '让模型看您的天空',
  askText: '它判断是晴还是多云，并显示看了哪里。',
}
