import { serverMechanisms } from "../core/sasl/mod.ts";
import { getopt, UsageError } from "./getopt.ts";

export const help = `
Usage: pluginviewer [-acs] [-m mechanism]

Lists the SASL mechanisms and password stores that are built in.

  -s  of the server    -c  of the client    -a  password stores    -m name  this mechanism only
`;

/** pluginviewer(8): there are no plug-ins to load here, so that it lists what is built in. */
export function run(args: string[], name: string): Promise<number> {
  let only = "";
  try {
    for (const { letter, value } of getopt(args, "acsm:b:e:f:p:x:h").options) {
      if (letter === "m") only = value.toUpperCase();
      else if (letter === "h") throw new UsageError("usage");
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}\nUsage: ${name} [-a] [-s] [-c] [-m mechanism]`);
    return Promise.resolve(1);
  }
  const wanted = only.split(/[\s,]+/).filter((word) => word !== "");
  const listed = serverMechanisms.filter((each) => wanted.length === 0 || wanted.includes(each.name));
  console.log("Installed and properly configured auxprop mechanisms are:\nsasldb");
  console.log("Installed and properly configured SASL (server side) mechanisms are:");
  console.log("  " + listed.map((each) => each.name).join(" "));
  for (const { name: mechanism, properties } of listed) {
    const security = properties.map((property) => property.replace(/^no/, "NO_").toUpperCase()).join("|");
    console.log(`\tSASL mechanism: ${mechanism}\n\tsecurity flags: ${security}`);
  }
  return Promise.resolve(0);
}
