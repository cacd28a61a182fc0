/**
 * The configuration: main.cf and master.cf, `$name` expansion, the parameter table, editing in place. A program loads
 * one immutable snapshot and hands it on; a reload makes a new one.
 */
export {
  configDirectory,
  configFromText,
  DEFAULT_DIRECTORY,
  loadConfig,
  type LoadOptions,
  type MainSetting,
  readConfigFile,
} from "./load.ts";
export { masterEntriesFromText, readMasterFile } from "./master_file.ts";
export { serviceConfig } from "./service_config.ts";
export {
  type ClientParameter,
  type DerivedParameter,
  type Parameter,
  type ParameterClass,
  type ParameterTable,
  parameterTable,
  type ParameterType,
} from "./parameter_table.ts";
export { type LogicalLine, logicalLines, type NameValue, splitNameValue } from "./logical_lines.ts";
export { parseTime, splitList, unbrace } from "./values.ts";
export { inetFamilies, inetVersions } from "./inet_families.ts";
export { expandMacros, type MacroLookup } from "./macro.ts";
export { MacroError, scanMacros } from "./macro_syntax.ts";
export { type Config, ConfigError, type MasterEntry, type Origin } from "./types.ts";
