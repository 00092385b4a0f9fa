export default {
  running: 'Running',
  done: 'Done',
  failed: 'Failed',
  interrupted: 'Interrupted',
  unknown: 'Unknown',
  queued: 'Queued',
  cancelled: 'Cancelled',
  waiting: 'Waiting',
  active: 'Active',
  disabled: 'Disabled',
  accepted: 'Accepted',
  rejected: 'Rejected',
}
