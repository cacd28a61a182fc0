import type { Config } from "../../core/config/mod.ts";
import { configDirectories, readApplicationConfig, SaslError, sqlTableType } from "../../core/sasl/mod.ts";

/**
 * The table types that `smtpd.conf` needs for passwords in a database. Settings that can't be read are complained about
 * where they are used.
 */
export function saslTableTypes(config: Config): string[] {
  if (config.string("smtpd_sasl_type") !== "cyrus") return [];
  try {
    const directories = configDirectories(
      config.string("cyrus_sasl_config_path"),
      config.string("config_directory"),
    );
    const type = sqlTableType(readApplicationConfig(config.string("smtpd_sasl_path"), directories));
    return type === undefined ? [] : [type];
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    return [];
  }
}
