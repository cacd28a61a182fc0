import { isHostname } from "../../core/address/mod.ts";
import { type Config, ConfigError } from "../../core/config/mod.ts";
import { isFacility } from "../../core/log/mod.ts";

const PROTOCOLS = ["all", "ipv4", "ipv6"];
/** Words of `inet_interfaces` that can't be combined with others. */
const WHOLE = ["all", "loopback-only"];

/** Refuses values that no service can work with, and that no type shows. Throws `ConfigError` with file and line. */
export function requireUsable(config: Config): void {
  const refuse = (name: string, problem: string): never => {
    const origin = config.origin(name);
    const place = origin === undefined ? `default value of ${name}` : `${origin.file}, line ${origin.line}`;
    throw new ConfigError(`${problem} (${place})`, origin);
  };
  for (const name of ["myhostname", "mydomain"]) {
    const value = config.string(name);
    if (!isHostname(value)) {
      refuse(
        name,
        `parameter ${name}: bad parameter value: ${value}: specify a name such as mail.example.com`,
      );
    }
  }
  const protocols = config.list("inet_protocols");
  const unknown = protocols.find((word) => !PROTOCOLS.includes(word.toLowerCase()));
  if (unknown !== undefined) {
    refuse(
      "inet_protocols",
      `unknown inet_protocols value "${unknown}" in "${protocols.join(", ")}": specify all, ipv4 or ipv6`,
    );
  }
  const interfaces = config.list("inet_interfaces").map((word) => word.toLowerCase());
  const whole = interfaces.find((word) => WHOLE.includes(word));
  if (whole !== undefined && interfaces.length > 1) {
    refuse("inet_interfaces", `config variable inet_interfaces: "${whole}" can't be combined with others`);
  }
  const facility = config.string("syslog_facility");
  if (!isFacility(facility)) {
    refuse(
      "syslog_facility",
      `parameter syslog_facility: unrecognized value: ${facility}: specify mail, local0 or the like`,
    );
  }
}
