import process from "node:process";
import { userAccess, type UserList } from "../daemon/showq/mod.ts";
import { FatalError, type Tool } from "./queue_tool.ts";

/**
 * May whoever runs the command do this? Asked before the service is, which would only hang up. Throws `FatalError`.
 * @param what as the refusal says it: `view the mail queue`
 */
export async function requireAccess(tool: Tool, list: UserList, what: string): Promise<void> {
  const uid = process.getuid?.() ?? 0;
  const { allowed, name } = await userAccess(tool.config, list, uid, tool.log);
  if (!allowed) throw new FatalError(`User ${name}(${uid}) is not allowed to ${what}`);
}
