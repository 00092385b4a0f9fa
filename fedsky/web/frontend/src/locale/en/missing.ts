export default {
  title: 'There is nothing here',
  text: 'The address {path} belongs to no page. It may have been mistyped, or what it showed was deleted.',
  home: 'To the home page',
  runs: 'To the runs',
}
