export default {
  show: '显示',
  hide: '隐藏',
  showOf: '显示：{label}',
  back: '返回',
  pages: '分页',
  before: '上一页',
  after: '下一页',
  range: '第 {first}–{last} 项，共 {total} 项',
  preparing: '正在准备…',
  copy: '复制',
  copied: '已复制',
  notCopied: '请手动选择并复制',
}
