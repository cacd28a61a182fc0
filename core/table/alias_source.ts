import { decodeText, encodeText } from "../bytes/mod.ts";
import { aliasText, aliasTokens } from "./alias_tokens.ts";
import { foldKey } from "./fold.ts";
import {
  isUtf8Line,
  leadingSpaceWarning,
  type MapSourceOptions,
  type MapSourceTarget,
} from "./map_source.ts";
import { eachLogicalLine, isSpace } from "./source_lines.ts";

/**
 * Reads the `name: value` lines of an aliases file (aliases(5)). Keys are stored without quotes, values in a normal form.
 * Lines that can't be used are skipped with a warning.
 * @param size bytes of the source at the beginning of the target's array
 */
export function readAliasSource(target: MapSourceTarget, size: number, options: MapSourceOptions): void {
  const { name, warn } = options;
  eachLogicalLine(target, size, (start, end, line) => {
    const bytes = target.bytes;
    const at = (text: string) => warn(`${name}, line ${line}: ${text}`);
    const nul = bytes.subarray(start, end).indexOf(0);
    const stop = nul < 0 ? end : start + nul;
    const text = decodeText(bytes.subarray(start, stop));
    if (isSpace(bytes[start]!)) {
      warn(leadingSpaceWarning(name, decodeText(bytes.subarray(start, end))));
      return;
    }
    if (options.utf8 && !isUtf8Line(bytes, start, stop, end)) {
      at(`non-UTF-8 input "${text}" -- ignoring this line`);
      return;
    }
    if (text === "") return;
    const tokens = aliasTokens(text);
    const colon = tokens.findIndex((token) => token.kind === "special" && token.text === ":");
    const keyTokens = tokens.slice(0, Math.max(colon, 0));
    const valueTokens = tokens.slice(colon + 1);
    const hasSpecial = (special: string) =>
      keyTokens.some((token) => token.kind === "special" && token.text === special);
    if (colon < 0 || keyTokens.length === 0 || valueTokens.length === 0 || hasSpecial(",")) {
      at("need name:value pair");
      return;
    }
    if (hasSpecial("@") || hasSpecial("%")) {
      at("name must be local");
      return;
    }
    const key = aliasText(keyTokens, false);
    const keyBytes = encodeText((options.foldCase ? foldKey(key, options.utf8) : key) + "\0");
    const valueBytes = encodeText(aliasText(valueTokens, true) + "\0");
    const keyAt = target.append(keyBytes);
    const valueAt = target.append(valueBytes);
    target.entry(keyAt, keyBytes.length - 1, valueAt, valueBytes.length - 1, line);
  });
}
