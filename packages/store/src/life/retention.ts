import type { SliceMoment } from './moment.ts';
export function workOnRetention(_moment: SliceMoment): boolean {
  return false;
}
