import process from "node:process";
import { lookupUser } from "../system/mod.ts";

/**
 * Gives what root makes in the queue to the mail system's user, as which the mail system runs at other times: one
 * process that does everything as root must not leave files that the others can't work with.
 */
export class NewFileOwner {
  #owner: { readonly uid: number; readonly gid: number } | "nobody else" | undefined;

  /** @param name `mail_owner`; without it files stay with whoever makes them */
  constructor(private readonly name: string | undefined) {}

  /** Hands over a file or directory that this process made. Throws what the system says. */
  give(path: string): void {
    // Asked late: most processes begin as root and are somebody else when they make their first file.
    this.#owner ??= this.#find();
    if (this.#owner !== "nobody else") Deno.chownSync(path, this.#owner.uid, this.#owner.gid);
  }

  #find(): { readonly uid: number; readonly gid: number } | "nobody else" {
    if (this.name === undefined || process.geteuid?.() !== 0) return "nobody else";
    return lookupUser(this.name) ?? "nobody else";
  }

  /** Makes the missing directories above a file, mode 0700. */
  makeParents(path: string): void {
    const directory = path.slice(0, path.lastIndexOf("/"));
    try {
      Deno.mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return;
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      this.makeParents(directory);
      Deno.mkdirSync(directory, { mode: 0o700 });
    }
    this.give(directory);
  }
}
