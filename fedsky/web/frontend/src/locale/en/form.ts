export default {
  show: 'Show',
  hide: 'Hide',
  showOf: 'Show: {label}',
  back: 'Back',
  pages: 'Pages',
  before: 'Previous',
  after: 'Next',
  range: '{first}–{last} of {total}',
  preparing: 'Being prepared…',
  copy: 'Copy',
  copied: 'Copied',
  notCopied: 'Select and copy by hand',
}
