/**
 * Records what real Postfix answers to the cases, in answers.json:
 *
 *     deno run -A testdata/table/record.ts
 *
 * Needs postmap and postalias of Postfix 3.7 or later with cdb, lmdb and pcre in /usr/sbin.
 */
import { cases } from "./cases.ts";
import { type Answer, runCase } from "./run_cases.ts";

const answers: Record<string, Answer[]> = {};
for (const one of cases) answers[one.name] = await runCase(one, (command) => [`/usr/sbin/${command}`]);
await Deno.writeTextFile(new URL("answers.json", import.meta.url), `${JSON.stringify(answers, null, 1)}\n`);
