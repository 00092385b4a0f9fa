export default {
  signIn: '请先登录。',
  forbidden: '您的账户无权执行此操作。',
  notFound: '此地址没有内容。',
  tooLarge: '文件太大。',
  tooMany: '请求过多，请稍候再试。',
  failed: '服务器无法完成此操作（状态码 {status}）。',
  unreachable: '服务器没有响应；请确认它正在运行，然后重试。',
}
