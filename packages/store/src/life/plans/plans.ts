import type { SliceMoment } from './moment.ts';
export function workOnPlans(_moment: SliceMoment): boolean {
  return false;
}
