/** Real Postfix beside ours. For tests. */
const POSTCONF = "/usr/sbin/postconf";

/** What postconf(1) prints. Rejects where Postfix is not installed. */
export async function postconf(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(POSTCONF, { args }).output();
  return new TextDecoder().decode(stdout);
}

/** Is Postfix of the release installed whose words are compared? */
export async function hasComparedPostfix(): Promise<boolean> {
  try {
    return (await postconf("-dh", "mail_version")).startsWith("3.7.");
  } catch {
    return false;
  }
}

/** Writes the main.cf with which both sides are asked. */
export async function writeComparedConfig(directory: string): Promise<void> {
  await Deno.writeTextFile(
    `${directory}/main.cf`,
    "compatibility_level = 3.6\nmyhostname = a.example\n",
  );
}
