import assert from "node:assert/strict";
import { expandMacros } from "./macro.ts";
import { MacroError, scanMacros } from "./macro_syntax.ts";
import { randomNumbers } from "../../testdata/random.ts";

const values: Record<string, string> = {
  mydomain: "dd",
  foo: "$bar",
  bar: "",
  loop: "x$loop",
  level: "3.6",
};
const expand = (text: string) => expandMacros(text, (name) => values[name]);

/** Each pair was seen in real Postfix with `postconf -x`. */
const expansions: readonly [string, string][] = [
  ["$mydomain ${mydomain} $(mydomain) ${ mydomain }", "dd dd dd dd"],
  ["$$x $$$mydomain $nosuch.", "$x $dd ."],
  ["[${foo?yes}${foo:no}]", "[yes]"],
  ["[${bar?yes}${bar:no}]", "[no]"],
  ["[${mydomain?  x  }]", "[  x  ]"],
  ["[${mydomain? { x }: { y }}]", "[ x ]"],
  ["[${bar?{ x }:  y }]", "[  y ]"],
  ["${mydomain?a:b} ${mydomain?a{b}}", "a:b a{b}"],
  ["${mydomain?{a}:x}${mydomain?{a}:}${bar?{a}:}", "aa"],
  ["$mydomain?{a}", "dd?{a}"],
  ["$(mydomain?{a}:{b})", "a"],
  ["${mydomain?${bar:{q}}}", "q"],
  ["${{a}=={b}}|${{a} == {a}}", "|true"],
  ["${{a}=={b}:{c}}${{a}!={b}?c:d}", "cc:d"],
  ["${{a}<{b}?{c}:{d}}${{10}<{9}?{c}:{d}}${{001}=={1}?{n}:{s}}", "cdn"],
  ["${{a}<={b}?{1}}${{a}>={b}?{2}}${{a}>{b}?{3}}${{ 1 }=={1}?{4}:{5}}", "15"],
  ["${{3.10}<level{3.9}?{c}:{d}}${{3}<=level{3.9.1}?{c}:{d}}${{3}==level{3.0}?{c}:{d}}", "dcc"],
  ["${{$level} <level {3.6} ? {old} : {new}}", "new"],
  ["${domain_to_ascii{$mydomain}} ${domain_to_ascii{bücher.example}}", "dd xn--bcher-kva.example"],
];

Deno.test("expandMacros: every form", () => {
  for (const [text, result] of expansions) assert.equal(expand(text), result, text);
});

/** The same, with Postfix's words. */
const mistakes: readonly [string, string][] = [
  ["a ${", 'truncated macro reference: "a ${"'],
  ["a $", 'empty macro name: "a $"'],
  ["${}", 'empty macro name: "${}"'],
  ["${a b}", 'attribute name syntax error at: "...a>>> b"'],
  ["${mydomain!a}", 'attribute name syntax error at: "...mydomain>>>!a"'],
  ["${$mydomain}", 'attribute name syntax error at: "...>>>$mydomain"'],
  ["${mydomain?{a}x}", '":" expected at: "...a}>>>x"'],
  ["${bar:{ y }z}", 'unexpected input at: "... y }>>>z"'],
  ["${mydomain?{a}:{b}:{c}}", 'unexpected input at: "...b}>>>:{c}"'],
  [
    "${{a} = {b}?{c}:{d}}",
    '"==" or "!="" or "<"" or "<="" or ">="" or ">" expected at: "...a}>>>= {b}?{c}:{d}"',
  ],
  ["${{a}==b?{c}:{d}}", 'bad operator suffix at: "...==>>>b"'],
  [
    "${{3}<= level{3.0.0}?{c}:{d}}",
    '"{expression}" expected at: "...{3}<=>>> level{3.0.0}?{c}:{d"',
  ],
  ["${{3} <=level {3.0.0} {c}:{d}}", '"?" or ":" expected at: "...}>>>{c}:{d}"'],
  ["${{x}<level{3.9}?{c}:{d}}", 'malformed compatibility level syntax: "x"'],
  ["${{99999999999999999999}=={1}}", "mac_exp_eval: bad conversion: 99999999999999999999"],
  ["$loop", 'unreasonable macro call nesting: "loop"'],
];

Deno.test("expandMacros: what is wrong is said in Postfix's words", () => {
  for (const [text, message] of mistakes) {
    assert.throws(() => expand(text), (error: Error) => {
      assert.ok(error instanceof MacroError);
      assert.equal(error.message, message);
      return true;
    }, text);
  }
});

Deno.test("scanMacros: finds names in all branches and arguments", () => {
  const names: string[] = [];
  scanMacros(
    "$a ${b?{$c}:{$d}} ${{$e} == {$f} ? {$g} : {$h}} $$x ${domain_to_ascii{$i}}",
    (name) => names.push(name),
  );
  assert.equal([...new Set(names)].join(" "), "a b c d e f g h i", "a function's name is none");
});

Deno.test("expandMacros: hostile text ends in a result or a MacroError", () => {
  const random = randomNumbers(20261123);
  const parts = [
    "$",
    "{",
    "}",
    "(",
    ")",
    "?",
    ":",
    "==",
    "<",
    "level",
    "a",
    "loop",
    "bar",
    " ",
    "1",
    "$foo",
    "\udc80",
    "é",
  ];
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join("");
    try {
      expandMacros(text, (name) => name === "a" ? "$bar{" : values[name]);
      scanMacros(text, () => {});
    } catch (error) {
      assert.ok(error instanceof MacroError, `${JSON.stringify(text)}: ${error}`);
    }
  }
});
