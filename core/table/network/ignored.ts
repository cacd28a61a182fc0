import type { OpenContext } from "../context.ts";
import type { TableSettings } from "../table_settings.ts";

/** Warns of each of these parameters that is set: another client library has a use for it, and this program has not. */
export function warnAboutIgnored(context: OpenContext, all: TableSettings, names: readonly string[]): void {
  for (const name of names) {
    const value = all.optional(name);
    if (value === undefined || /^(?:|no|0)$/.test(value)) continue;
    context.log.warning(`${context.type}:${context.name} ignoring ${name}: it has no effect here`);
  }
}
