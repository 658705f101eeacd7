// The schemas as JSON Schema (draft 2020-12), for agents in other languages. They are published as files with the package,
// generated from the schemas that the writer itself checks with.

import { z } from 'zod';
import { answerSchema, receiptSchema } from './answers.ts';
import { operationSchemas } from './operations.ts';
import { writerStateSchema } from './writer-state.ts';

const answers = {
  receipt: [
    receiptSchema,
    'A settled answer: the return value of a completed job, an entry of a reply stream',
  ],
  answer: [answerSchema, 'Any answer of the writer: an entry of a reply stream'],
  'writer-state': [writerStateSchema, 'What the writer publishes about itself; unknown fields may come'],
} as const;

/** Every schema, by the name of its file without `.json`: operations have their own names. */
export function jsonSchemas(): Readonly<Record<string, object>> {
  const operations = Object.entries(operationSchemas).map(
    ([name, schema]) => [name, toJsonSchema(schema, name, `Data of a job named ${name}`)] as const,
  );
  const others = Object.entries(answers).map(
    ([name, [schema, description]]) => [name, toJsonSchema(schema, name, description)] as const,
  );
  return Object.fromEntries([...operations, ...others]);
}

function toJsonSchema(schema: z.ZodType, title: string, description: string): object {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return { $schema, title, description, ...rest };
}
