// What the text of a variable may be, for those that are numbers or paths.

import { z } from 'zod';

export const KiB = 1024;
export const MiB = 1024 * KiB;

export const path = z.string().refine((text) => !text.includes('\0'));

export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);

export const byteCount = (min: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= min);

/** Spans may be given in parts: half an hour is 0.5 hours. */
export const decimalNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}(\.\d{1,9})?$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max);
