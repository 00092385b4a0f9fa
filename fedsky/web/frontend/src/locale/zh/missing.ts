export default {
  title: '这里没有内容',
  text: '地址 {path} 不对应任何页面。可能输入有误，或内容已被删除。',
  home: '前往首页',
  runs: '前往运行列表',
}
