import assert from "node:assert/strict";
import { parameterTable } from "../../core/config/mod.ts";
import data from "./knowledge.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url).pathname;

/** Places that name parameters without doing what they say. */
const ONLY_TALK = /^(daemon\/adopt|daemon\/admin\/check|core\/config\/show)\//;
/** Modules that put `smtp_` or `lmtp_` before the names that stand in them, and the like. */
const PREFIXES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^daemon\/smtp\//, ["smtp_", "lmtp_"]],
  [/^daemon\/smtp\/maps\.ts$/, ["smtp_sasl_", "lmtp_sasl_"]],
  [/^daemon\/smtp\/(secure_policy|tls_engines)\.ts$/, ["smtp_tls_", "lmtp_tls_"]],
  [/^daemon\/smtpd\/access\/policy\.ts$/, ["smtpd_policy_service_"]],
];
/** A template with less fixed text than this says nothing about what it makes. */
const LEAST_FIXED = 8;

/** The program's own modules, without tests: path below the root and text without comments. */
function* modules(folder: string): Generator<readonly [string, string]> {
  for (const entry of Deno.readDirSync(ROOT + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* modules(path);
    else if (/\.ts$/.test(path) && !/_test\.ts$|testing\.ts$/.test(path)) {
      const text = Deno.readTextFileSync(ROOT + path);
      yield [path, text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")];
    }
  }
}

/** Whether a parameter's name, or a template that makes it, stands in the program. */
function nameFinder(): (name: string) => boolean {
  const words = new Set<string>();
  const templates = new Set<string>();
  for (const [path, text] of ["core", "daemon", "cmd"].flatMap((folder) => [...modules(folder)])) {
    if (ONLY_TALK.test(path)) continue;
    for (const [word] of text.matchAll(/\w{3,}/g)) words.add(word);
    for (const [, template] of text.matchAll(/`((?:\w|\$\{[^`{}]*\})+)`/g)) {
      templates.add(template!.replace(/\$\{[^}]*\}/g, "*"));
    }
    for (const [where, prefixes] of PREFIXES) {
      if (!where.test(path)) continue;
      for (const [, word] of text.matchAll(/["`](\w{3,})["`]/g)) {
        for (const prefix of prefixes) words.add(prefix + word);
      }
    }
  }
  const patterns = [...templates].filter((template) => {
    return template.replaceAll("*", "").length >= LEAST_FIXED;
  }).map((template) => new RegExp(`^${template.replaceAll("*", "\\w+")}$`));
  return (name) => words.has(name) || patterns.some((pattern) => pattern.test(name));
}

Deno.test("what no code reads is named among what has no effect", () => {
  const stands = nameFinder();
  const read = new Set<string>();
  const add = (name: string, text: string) => {
    if (read.has(name)) return;
    read.add(name);
    // Whoever reads a parameter reads those that its default refers to.
    for (const [, other] of text.matchAll(/\$\{?(\w+)/g)) {
      const referred = parameterTable.find(other!);
      if (referred !== undefined) add(other!, referred.default);
    }
  };
  for (const { name, default: text } of parameterTable.all) if (stands(name)) add(name, text);
  for (const { suffix, default: text } of parameterTable.derived) if (stands(suffix)) add(suffix, text);
  assert.ok(read.size > 500, `${read.size} parameters are read`);
  const rules = data.parameters.map(({ name }) => new RegExp(name));
  const forgotten = parameterTable.all.filter(({ name, class: kind }) =>
    kind === "builtin" && !read.has(name) && !rules.some((rule) => rule.test(name))
  ).map(({ name }) => name);
  assert.deepEqual(forgotten, [], "say in knowledge.json what becomes of them");
});

Deno.test("what is said to have no effect is read by no code", () => {
  // The one warns of what these ask for, the other puts a prefix before the name.
  const others = /^(core\/tls\/versions|daemon\/smtpd\/access\/policy)\.ts$/;
  const readIn = new Map<string, string>();
  for (const [path, text] of ["core", "daemon", "cmd"].flatMap((folder) => [...modules(folder)])) {
    if (ONLY_TALK.test(path) || others.test(path)) continue;
    for (const [, word] of text.matchAll(/["`](\w{3,})["`]/g)) readIn.set(word!, path);
  }
  const rules = data.parameters.filter((rule) =>
    rule.state === "no effect" && !("only" in rule) && !("unless" in rule)
  ).map(({ name }) => new RegExp(name));
  const wrong = parameterTable.all.map(({ name }) => name).filter((name) =>
    readIn.has(name) && rules.some((rule) => rule.test(name))
  ).map((name) => `${name}: ${readIn.get(name)}`);
  assert.deepEqual(wrong, []);
});
