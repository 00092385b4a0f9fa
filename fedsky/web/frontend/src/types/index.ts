/** The shapes of the API (GET /api/openapi.json describes them too). Times are ISO 8601 UTC, ids opaque. */

export type * from './account'
export type * from './runs'
export type * from './comparison'
export type * from './jobs'
export type * from './prediction'
