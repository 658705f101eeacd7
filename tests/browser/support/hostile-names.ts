// The names for browser tests: the same as for all.

export { hostileNames } from '../../support/hostile-names.ts';
