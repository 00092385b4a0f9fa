/** A browser's User-Agent in two words; the whole of it is not for reading. */
const BROWSERS: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrom(e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
  [/^curl\//, 'curl'],
  [/python/i, 'Python'],
]
const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

const first = (rules: [RegExp, string][], agent: string) => rules.find(([rule]) => rule.test(agent))?.[1]

/** For example "Firefox, Windows"; '' for an empty one; an unknown one is cut short. */
export function browserName(agent: string): string {
  const known = [first(BROWSERS, agent), first(SYSTEMS, agent)].filter(Boolean).join(', ')
  return known || agent.slice(0, 40)
}
