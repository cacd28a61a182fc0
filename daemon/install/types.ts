/** What installing is made of. */

/** One thing that an installation put into the system, as the manifest keeps it. */
export type Entry =
  | { readonly kind: "file"; readonly path: string; readonly sha256: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | { readonly kind: "directory"; readonly path: string }
  /** A directory with all that is in it: the unpacked program and its caches. */
  | { readonly kind: "tree"; readonly path: string }
  | { readonly kind: "user"; readonly name: string }
  | { readonly kind: "group"; readonly name: string };

/** One step: what it does, in a line, and the doing. */
export interface Step {
  readonly text: string;
  /** Returns what is new in the system. Throws with path and reason if it can't be done. */
  readonly act: () => Entry[];
}

/** A command as its registry describes it. */
export interface CommandText {
  readonly name: string;
  readonly summary: string;
  readonly help: string;
}

/** Where everything goes. */
export interface Layout {
  readonly prefix: string;
  /** The program itself, `PREFIX/sbin/postel`. */
  readonly program: string;
  /** Where the packed form is unpacked, one directory a version. */
  readonly versions: string;
  readonly manual: string;
  readonly systemd: string;
  readonly manifest: string;
  readonly configuration: string;
}

/** What `postel install` was told. */
export interface InstallOptions {
  readonly layout: Layout;
  readonly commands: readonly CommandText[];
  /** Completion scripts by the path below the prefix. */
  readonly completions: ReadonlyMap<string, string>;
  readonly createUsers: boolean;
  /** The packed or compiled program to install. */
  readonly program: string;
  /** Version of the packed form and where it is unpacked; undefined for a compiled program. */
  readonly packed?: { readonly version: string; readonly directory: string };
}
