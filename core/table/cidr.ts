import type { OpenContext } from "./context.ts";
import { keptValue } from "./file_contents.ts";
import { inNetwork, type IpAddress, type Network, parseIp, parseNetwork } from "./ip_address.ts";
import { logicalLines, trimBoth } from "./logical_lines.ts";
import { leadingSpaceWarning } from "./map_source.ts";
import { ruleSource } from "./rule_source.ts";
import type { Table } from "./types.ts";

interface CidrRule {
  readonly network: Network;
  readonly negated: boolean;
  /** Undefined for IF. */
  readonly value: string | undefined;
  readonly line: number;
  /** For IF: index of the rule behind its ENDIF. */
  end: number;
}

/** `cidr:file`: networks and what to answer for addresses inside them (cidr_table(5)). */
export function openCidr(context: OpenContext): Table {
  const { type, name } = context;
  const source = ruleSource(context, (text) => parseRules(text, context));
  return {
    type,
    name,
    matchesPatterns: true,
    lookup(key) {
      const rules = source.get();
      const address = parseIp(key);
      return address === undefined ? undefined : firstMatch(rules, address, context.matched);
    },
    close() {},
  };
}

function firstMatch(
  rules: readonly CidrRule[],
  address: IpAddress,
  matched: ((line: number) => void) | undefined,
): string | undefined {
  let at = 0;
  while (at < rules.length) {
    const rule = rules[at]!;
    // A negated pattern matches addresses of its own family only.
    const matches = rule.network.family === address.family &&
      inNetwork(address, rule.network) !== rule.negated;
    if (matches && rule.value !== undefined) {
      matched?.(rule.line);
      return rule.value;
    }
    at = matches || rule.value !== undefined ? at + 1 : rule.end;
  }
  return undefined;
}

function parseRules(text: string, { name, log, flags }: OpenContext): CidrRule[] {
  const rules: CidrRule[] = [];
  const open: { rule: CidrRule; line: number }[] = [];
  for (
    const { text: logical, line } of logicalLines(
      text,
      (stray) => log.warning(leadingSpaceWarning(name, stray)),
    )
  ) {
    const skip = (problem: string) =>
      log.warning(`cidr map ${name}, line ${line}: ${problem}: skipping this rule`);
    const whole = trimBoth(logical);
    if (/^endif(?![a-z0-9])/i.test(whole)) {
      if (whole.length > 5) {
        skip("garbage after ENDIF");
        continue;
      }
      const started = open.pop();
      if (started === undefined) skip("ENDIF without IF");
      else started.rule.end = rules.length;
      continue;
    }
    const isIf = /^if(?![a-z0-9])/i.test(whole);
    const body = isIf ? trimBoth(whole.slice(2)) : whole;
    const negated = body.startsWith("!");
    const [, pattern = "", rest = ""] =
      /^([^ \t\r\n\f\v]*)([^]*)$/.exec(trimBoth(negated ? body.slice(1) : body)) ?? [];
    const value = trimBoth(rest);
    if (pattern === "") {
      skip("no address pattern");
      continue;
    }
    const network = parseNetwork(isIf ? pattern + rest : pattern);
    if (typeof network === "string") {
      skip(network);
      continue;
    }
    if (!isIf && value === "") {
      skip("no lookup result");
      continue;
    }
    const kept = isIf ? undefined : keptValue(value, flags);
    if (kept !== undefined && "problem" in kept) {
      skip(kept.problem);
      continue;
    }
    const rule: CidrRule = { network, negated, value: kept?.value, line, end: 0 };
    rules.push(rule);
    if (isIf) open.push({ rule, line });
  }
  for (const { rule, line } of open) {
    log.warning(`cidr map ${name}, line ${line}: IF has no matching ENDIF`);
    rule.end = rules.length;
  }
  return rules;
}
