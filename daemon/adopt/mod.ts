/**
 * Says what of an existing Postfix configuration works with this program. What is known about services, parameters,
 * tables and restrictions is data: `knowledge.json`, to be kept up as features come.
 */
export { compatibilityReport, formatReport, settingsWithoutEffect } from "./report.ts";
export type { Note, Report, State } from "./types.ts";
