export default {
  signIn: 'Please log in first.',
  forbidden: 'Your account may not do this.',
  notFound: 'There is nothing at this address.',
  tooLarge: 'The file is too large.',
  tooMany: 'Too many requests; please wait a moment and try again.',
  failed: 'The server could not do this (status {status}).',
  unreachable: 'The server does not answer; check that it is running and try again.',
}
