import { servicePorts } from "../../system/mod.ts";

/** The TCP port for a number or a name in /etc/services; undefined for anything else. */
export function servicePort(text: string): number | undefined {
  if (/^\d{1,5}$/.test(text)) {
    const port = Number(text);
    return port >= 1 && port <= 65535 ? port : undefined;
  }
  return servicePorts("tcp").get(text);
}
