import { type Config, ConfigError, readMasterFile, serviceConfig } from "../../../core/config/mod.ts";
import { messageOf } from "../../../core/errors/mod.ts";
import { endpointsOf, roleOf } from "../../master/mod.ts";
import { fatal, type Finding } from "../finding.ts";

/** Addresses that the services could not listen on, tried one by one. Only while the mail system is down. */
export function checkPorts(config: Config): Finding[] {
  const findings: Finding[] = [];
  const tried = new Set<string>();
  for (const entry of readMasterFile(config)) {
    if (entry.type !== "inet" || roleOf(entry) !== "front") continue;
    const where = `${entry.origin.file}: line ${entry.origin.line}`;
    let endpoints;
    try {
      endpoints = endpointsOf(entry, serviceConfig(config, entry));
    } catch (error) {
      // A name that means no address is a finding of the syntax check.
      if (error instanceof ConfigError) continue;
      throw error;
    }
    for (const { hostname, port } of endpoints) {
      const name = `[${hostname}]:${port}`;
      if (tried.has(name)) {
        findings.push(
          fatal(`${where}: ${name} is the address of two services: give one of them another port`),
        );
        continue;
      }
      tried.add(name);
      try {
        Deno.listen({ hostname, port }).close();
      } catch (error) {
        const reason = error instanceof Deno.errors.AddrInUse
          ? "the port is in use by another program: stop it or choose another port"
          : error instanceof Deno.errors.PermissionDenied
          ? "ports below 1024 need root: start as root or choose another port"
          : error instanceof Deno.errors.AddrNotAvailable
          ? "this host does not have the address: correct inet_interfaces or master.cf"
          : messageOf(error);
        findings.push(fatal(`${where}: cannot listen on ${name}: ${reason}`));
      }
    }
  }
  return findings;
}
