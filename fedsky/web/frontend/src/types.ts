/** The shapes of the API by the names that the pages have for them; written out in generated/api.ts. Times are ISO 8601 UTC. */
import type { components } from './generated/api'

type Shapes = components['schemas']
type Of<Name extends keyof Shapes> = Shapes[Name]

export type User = Of<'Account'>
export type Role = User['role']
export type UserState = User['state']
export type Session = Of<'Session'>
export type Profile = Of<'Profile'>
export type Login = Of<'Login'>
export type Account = Of<'Listed'>
export type AuditEntry = Of<'Entry'>
export type FederationView = Of<'FederationView'>
export type FederationOwner = Of<'FederationOwner'>
export type FederationRun = Of<'FederationRun'>
export type GivenBy = Of<'GivenBy'>
export type Dataset = Of<'Dataset'>
export type DatasetOwners = Of<'DatasetOwners'>

export type Scalar = Of<'RunDetail'>['config'][string]
export type RunRow = Of<'ListedRun'>
export type RunStatus = RunRow['status']
export type RunList = Of<'RunList'>
export type RunGroup = Of<'GroupRow'>
export type GroupList = Of<'GroupList'>
export type Means = Of<'Means'>
export type RunDetail = Of<'RunDetail'>
export type Annotation = Of<'Note'>
export type Round = Of<'Round'>
export type FeedEntry = Of<'Event'>
export type RoundsPage = Of<'RoundList'>
export type ClientGrid = Of<'Clients'>
export type PartitionView = Of<'Partition'>
export type Confusion = Of<'Confusion'>

export type Interval = Of<'Interval'>
export type SeedKey = Of<'SeedKey'>
export type Group = Of<'Group'>
export type PairedDifference = Of<'PairedDifference'>
export type Verdict = PairedDifference['verdict']
export type Owner = Of<'ComparedOwner'>
export type ComparableGroups = Of<'ComparableGroups'>
export type Comparison = Of<'Comparison'>
export type Story = Of<'Story'>

export type Recipe = Of<'RecipeShape'>
export type RecipeBook = Of<'RecipeBook'>
export type Field = RecipeBook['fields'][number]
export type Preview = Of<'Preview'>
export type Job = Of<'JobShape'>
export type JobRun = Of<'JobRun'>
export type JobStatus = Job['status']
export type JobList = Of<'JobList'>
export type JobLog = Of<'JobLog'>

export type OfferedModel = Of<'OfferedModel'>
export type ModelList = Of<'ModelList'>
export type Example = Of<'Example'>
export type Judged = Of<'Judged'>
export type Prediction = Of<'Prediction'>
export type SavedPrediction = Of<'Kept'>
export type Offer = Of<'Offer'>
