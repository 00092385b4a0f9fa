export default {
  title: 'Who gains by joining?',
  lead: 'Owners of sky photographs can train alone, together without showing each other their photographs, or on one pile.',
  reading: 'Reading the reference runs… The first time this takes up to a minute.',
  noStory: 'The reference runs cannot be read here',
  noStoryText: 'Their folder, outputs/reference, holds no finished run. The rest of the site works without them.',
  runs: 'Look at the runs',
  runsText: 'How each was trained, round by round.',
  compare: 'Compare them',
  compareText: 'Curves, owners, and every difference with its interval.',
  ask: 'Show a model your sky',
  askText: 'It says sunny or cloudy, and where it looked.',
}
