// @filefleet/config: the FILEFLEET_* environment variables, their defaults and their checks, for every app.

export { entriesOfFile, entriesOfVariable, type ListEntry, type ListProblem } from './access-list.ts';
export {
  type DashboardToken,
  parseDashboardTokens,
  type TokenScope,
  tokenScopes,
} from './dashboard-tokens.ts';
export {
  type DashboardUser,
  formatPasswordHash,
  type PasswordHash,
  parseDashboardUsers,
  parsePasswordHash,
  type Role,
  roles,
} from './dashboard-users.ts';
export { defaults } from './defaults.ts';
export { ConfigError } from './errors.ts';
export { type Config, type LogLevel, loadConfig, requireRedisUrl } from './load.ts';
export { hashPassword, verifyPassword } from './password.ts';
export type { VariableFacts } from './variable-facts.ts';
export { type VariableName, variableFacts } from './variables.ts';
