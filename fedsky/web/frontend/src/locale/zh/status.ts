export default {
  running: '运行中',
  done: '已完成',
  failed: '失败',
  interrupted: '已中断',
  unknown: '未知',
  queued: '排队中',
  cancelled: '已取消',
  waiting: '等待中',
  active: '有效',
  disabled: '已停用',
  accepted: '已采纳',
  rejected: '已拒绝',
}
