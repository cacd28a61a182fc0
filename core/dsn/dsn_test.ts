import assert from "node:assert/strict";
import { randomNumbers } from "../../testdata/random.ts";
import { type Config, configFromText } from "../config/mod.ts";
import {
  builtinTemplates,
  expandTemplate,
  formatExpandedTemplates,
  formatTemplates,
  parseTemplates,
  wrapText,
} from "./mod.ts";

const config: Config = configFromText(
  "myhostname = mail.example.com\nmydomain = example.com\ndelay_warning_time = 4h\n",
  { directory: import.meta.dirname! },
);

function parse(text: string) {
  const warnings: string[] = [];
  const templates = parseTemplates(text, "file", (line) => warnings.push(line), builtinTemplates(config));
  return { templates, warnings };
}

Deno.test("wrapText: words stay whole, lines stay short where they can (fixed seed)", () => {
  const random = randomNumbers(7);
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: random(40) }, () => "x".repeat(random(random(20) === 0 ? 120 : 12)))
      .join(" ");
    const lines = wrapText(text);
    const words = (of: string) => of.split(" ").filter((word) => word !== "");
    assert.deepEqual(lines.flatMap(words), words(text));
    for (const line of lines) assert.ok(line.length <= 79 || words(line).length === 1, line);
    for (const line of lines.slice(1)) assert.ok(line.startsWith("    "), line);
  }
});

Deno.test("templates: what postconf -t prints is read as the same again", () => {
  const builtin = builtinTemplates(config);
  const { templates, warnings } = parse(formatTemplates(builtin));
  assert.deepEqual(warnings, []);
  assert.equal(formatTemplates(templates), formatTemplates(builtin));
});

Deno.test("templates: expansion of names and times", () => {
  const { templates } = parse(
    "failure_template = <<END\nSubject: x\n\n$myhostname ${mydomain} $(mydomain) $$1 $nosuch!\n" +
      "$delay_warning_time_minutes m, ${maximal_queue_lifetime_days} d\nEND\n",
  );
  const warnings: string[] = [];
  assert.deepEqual(expandTemplate(templates.failure, config, (text) => warnings.push(text)), [
    "mail.example.com example.com example.com $1 !",
    "240 m, 5 d",
  ]);
  assert.deepEqual(warnings.map((text) => text.replace(/^.*?: /, "")), [
    "undefined $name in failure template: $myhostname ${mydomain} $(mydomain) $$1 $nosuch!",
  ]);
  const printed = formatExpandedTemplates(templates, config, () => {});
  assert.ok(printed.startsWith("expanded_failure_text = <<EOF\nmail.example.com"));
  assert.equal(printed.match(/^EOF$/gm)?.length, 4);
});

Deno.test("templates: names in Unicode where smtputf8 is on", () => {
  const international = configFromText("compatibility_level = 3.6\nmyhostname = xn--bcher-kva.example\n", {
    directory: "/",
  });
  const { templates } = parse("failure_template = <<EOF\n\n$myhostname\nEOF\n");
  assert.deepEqual(expandTemplate(templates.failure, international, assert.fail), ["bücher.example"]);
});

Deno.test("templates: a wrong template is left out, the others are used", () => {
  const cases: [string, RegExp][] = [
    ["other_template = <<EOF\n\nx\nEOF\n", /^file, line 1: unknown template name: other_template/],
    ["failure_template = <<EOF\nBad: x\n\nx\nEOF\n", /^file: unknown "Bad" header label in failure template/],
    [
      "failure_template = <<EOF\nSubject:\n\nx\nEOF\n",
      /^file: empty "Subject" header value in failure template/,
    ],
    [
      "failure_template = <<EOF\nFrom: ü\n\nx\nEOF\n",
      /^file: non-ASCII "From" header value in failure template/,
    ],
    ["failure_template = <<EOF\n\nü\nEOF\n", /^file: 8-bit message text with "us-ascii" charset/],
    ["failure_template\n", /^file, line 1: expected "template_name = <<EOF"/],
  ];
  const builtin = builtinTemplates(config);
  for (const [text, warning] of cases) {
    const { templates, warnings } = parse(`${text}success_template = <<EOF\nSubject: Fine\n\nx\nEOF\n`);
    assert.equal(warnings.length, 1, text);
    assert.match(warnings[0]!, warning);
    assert.deepEqual(templates.failure, builtin.failure);
    assert.equal(templates.success.subject, "Fine");
  }
  const { templates, warnings } = parse("delay_template = <<EOF\nSubject: cut\n\nshort");
  assert.deepEqual(warnings, ['file, line 1: missing "EOF" end marker']);
  assert.deepEqual(templates.delay.text, ["short"]);
});

Deno.test("templates: any text can be read (fixed seed)", () => {
  const random = randomNumbers(11);
  const pieces = [
    "failure_template",
    "delay_template",
    " = ",
    "<<",
    "EOF",
    "\n",
    "\n\n",
    "#",
    "Subject: x",
    "$",
    "${",
    "}",
    "ü",
    "\0",
  ];
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: random(25) }, () => pieces[random(pieces.length)]).join("");
    const { templates } = parse(text);
    formatExpandedTemplates(templates, config, () => {});
  }
});
