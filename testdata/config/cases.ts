/** What is asked of real postconf and of ours. */

export const SETUPS = ["debian", "relay", "virtual", "gateway", "null-client", "odd"];

/** A copy of a setup that postconf doesn't take for one that is being changed. */
export function isolated(setup: string): string {
  const directory = Deno.makeTempDirSync({ prefix: "postconf" });
  for (const name of ["main.cf", "master.cf"]) {
    const copy = `${directory}/${name}`;
    Deno.copyFileSync(new URL(`setups/${setup}/${name}`, import.meta.url), copy);
    Deno.utimeSync(copy, 1_600_000_000, 1_600_000_000);
  }
  return directory;
}

/** Command lines that show. */
export function commands(setup: string): string[][] {
  const all = [
    "", "-n", "-d", "-f", "-nf", "-nx", "-nxf", "-nh", "-nH", "-df", "-dH", "-x",
    "-M", "-Mf", "-Mx", "-Mfx", "-F", "-Ff", "-Fx", "-Fh", "-FH", "-P", "-Pf", "-Px", "-Ph", "-PH", "-Pfx",
    "-C builtin", "-C service", "-C user", "-C service,user -n", "-nC builtin", "-dC service", "-dC user", "-C all -n", "-C x",
    "myhostname", "-h myhostname", "-x smtpd_banner mydestination", "-d relayhost smtp_fallback_relay nosuch",
    "nosuch relayhost -h", "-n biff relayhost", "-o relayhost=x -n", "-o x=1 relayhost", "-o x", "-x -o mydomain=o.example myorigin",
    "-M smtp", "-M smtp/inet", "-M nosuch smtp/unix", "-M */pass", "-M smtp/*", "-M a/b/c", "-M smtp/inet/",
    "-F smtp/inet", "-F smtp/inet/command", "-F */*/chroot", "-F smtp/inet/x", "-F a/b/c/d", "-P smtp/inet relay/unix/syslog_name",
    "-F smtp/unix/type smtp/inet smtp/*/type", "-M smtp/unix smtp/inet smtp", "-P */unix */*/syslog_name", "-F sm*/unix", "-M /smtp", "-P smtp/unix/a*",
    "-dM -o x=1", "-exo x=1", "-P */*/syslog_name", "-P smtp/inet/nosuch", "-P a/b/c/d", "-p relayhost", "-l", "-a", "-A",
    "-Mn", "-Mh x", "-ef x=1", "-hH x", "-lm", "-FPM", "-dn x", "-de x", "-e", "-X", "-#", "-M#", "-e x",
    "-v relayhost", "-vn", "-vM smtp", "-m", "-T bad", "-T public-key-algorithms", "-T run-version -T compile-version", "-E",
    "-t @HERE@/templates.cf", "-b @HERE@/templates.cf", "-t a b", "-b a b", "-tn", "-bf", "-bt", "-a x=1", "-l x", "-C USER -n", "-C builtin,x",
    "local_destination_concurrency_limit maildrop_time_limit smtp_destination_recipient_limit relay_initial_destination_concurrency",
  ];
  // The long lists are recorded where they say something of their own.
  const few = all.filter((line) => {
    if (/^-d[fH]?$/.test(line)) return setup === "debian";
    if (/^(|-f|-x|-C builtin|-dC service)$/.test(line)) return setup === "debian" || setup === "odd";
    return true;
  });
  const odd = setup === "odd" ? ["-x fallback_transport transport_retry_time bounce_queue_lifetime default_transport mail_name"] : [];
  return [...few, ...odd].map((line) => line.split(" ").filter((word) => word !== ""));
}

/** A command line with the place of this directory in it. */
export function withPlace(args: readonly string[]): string[] {
  const here = new URL(".", import.meta.url).pathname.replace(/\/$/, "");
  return args.map((word) => word.replace("@HERE@", here));
}

/** Command lines that edit. */
export function edits(setup: string): string[][] {
  const all = [
    ["relayhost=new"], ["-e", " relayhost =  a   b "], ["-e", "biff=no", "myhostname=x"], ["-X", "relayhost", "nosuch"], ["-#", "relayhost"],
    ["-e", "smtpd_banner="], ["-#", "smtpd_helo_restrictions", "mydestination"], ["-X", "virtual_alias_maps", "smtpd_recipient_restrictions"],
    ["-e", "new_parameter=$myhostname"], ["-e", "relayhost=a", "relayhost=b"], ["-e", "a\nb=c"], ["-e", "#x=1"], ["-e", "=1"], ["-e", "a b=1"],
    ["-M", "smtp/inet=smtp inet n - n - - smtpd -o a=b"], ["-Me", "new/unix=new unix - - n - - smtp -o a=b -o { c = d e }"],
    ["-M", "smtp/inet=smtp inet n - n - "], ["-M", "smtp/inet=smtp inet x - n - - smtpd"], ["-M#", "smtp/inet"], ["-M#", "*/unix", "nosuch/inet"],
    ["-MX", "smtp/inet", "relay/unix"], ["-MX", "smtp"], ["-F", "smtp/*/nosuch=1"], ["-F", "smtp/inet/chroot=q"], ["-F", "smtp/inet=1"],
    ["-F", "nosuch/inet/chroot=n"], ["-P", "smtp/inet/a=b c"], ["-P", "nosuch/inet/a=b"], ["-P", "smtp/inet=1"], ["-PX", "smtp/inet"],
    ["-PX", "*/*/*"], ["-MX", "sm*/unix"], ["-Fe", "smtp/inet/ty*=x"], ["-Me", "/smtp/inet=x"], ["-F", "last/unix/wakeup=5"], ["-F", "smtp/unix/process_limit=7"], ["-P", "smtp/unix/myhostname=x"],
  ];
  const odd = setup === "odd"
    ? [["-F", "smtp/unix/chroot=n"], ["-F", "smtp/unix/command=smtp -v -o x=y z"], ["-P", "x/unix/q=r"], ["-PX", "relay/unix/syslog_name"],
      ["-F", "*/unix/chroot=n"], ["-P", "*/inet/zz=1"], ["-PX", "submission/inet/foo", "submission/inet/barbar"]]
    : [];
  return [...all, ...odd];
}
