/**
 * Access checks one by one: `access_record.ts` plays them to a real Postfix and stores replies and log lines in
 * access.json; the tests play them to our server. What the checks ask is in access_world.ts.
 */

/** Settings of every service of the recording. `@POLICY@` is the policy service's port, `@NOBODY@` one that is closed. */
export const base: Readonly<Record<string, string>> = {
  compatibility_level: "3.6",
  inet_interfaces: "127.0.0.1",
  inet_protocols: "all",
  myhostname: "mx.example.com",
  mydomain: "example.com",
  mydestination: "example.com, localhost",
  mynetworks: "192.0.2.0/24",
  local_recipient_maps: "",
  relay_domains: "relayed.test",
  alias_maps: "",
  alias_database: "",
  smtpd_error_sleep_time: "0",
  smtpd_client_connection_count_limit: "0",
  smtpd_reject_unlisted_recipient: "no",
  smtpd_relay_restrictions: "",
  rbl_reply_maps:
    "inline:{ {two.test=$$rbl_code 4.7.9 $$$$ $$rbl_domain/$$rbl_reason/$$rbl_what/$$rbl_class/$$client/$$client_name/$$client_address/$$reverse_client_name/$$helo_name/$$sender/$$sender_name/$$sender_domain/$$recipient/$$recipient_name/$$recipient_domain} {bl.test=127.0.0.2=550 5.7.3 exact $$rbl_txt} }",
  permit_mx_backup_networks: "192.0.2.0/24",
  myclass: "reject_non_fqdn_sender, check_sender_access inline:{ {classy@good.test=REJECT class} }",
};

/** One recipient with restrictions of its own. */
export interface Case {
  /** The restrictions; behind them comes `reject`. */
  readonly rules: string;
  /** The client's address; 127.0.0.2 is good.client.test, 127.0.0.3 forged.client.test, 127.0.0.4 has no name. */
  readonly client?: string;
  readonly helo?: string;
  readonly sender?: string;
  /** Domain of the recipient. */
  readonly to?: string;
}

/** A service, what it is set to, and its cases by name: the local part of the recipient. */
export interface CaseGroup {
  readonly settings: Readonly<Record<string, string>>;
  readonly cases: Readonly<Record<string, Case>>;
}

const servers = (who: string, kind: string) => `check_${who}_${kind}_access`;
const net = "inline:{ {198.51.100=REJECT bad net} {192.0.2=450 4.7.1 our net} {203.0.113.7=DEFER sub} {spam.test=REJECT by name} {good.test=OK} {2001:db8=REJECT six} {127.0.0=HOLD} }";

function serverCases(): Record<string, Case> {
  const cases: Record<string, Case> = {};
  const domains = ["spam.test", "good.test", "sub.spam.test", "address-only.test", "six-only.test", "null.test", "txt-only.test", "dangling.test", "lame.test", "alias.test", "servfail.test", "mxfail.test", "nsfail.test", "missing.test", "deep.sub.spam.test", "[198.51.100.9]", "invalid.test", "test"];
  for (const kind of ["a", "mx", "ns"]) {
    for (const [index, domain] of domains.entries()) {
      cases[`helo-${kind}-${index}`] = { rules: `${servers("helo", kind)} ${net}`, helo: domain };
      if (kind === "a") continue;
      cases[`sender-${kind}-${index}`] = { rules: `${servers("sender", kind)} ${net}`, sender: `s@${domain}` };
    }
    cases[`sender-a-${kind}`] = { rules: `${servers("sender", "a")} ${net}`, sender: "s@sub.spam.test" };
    cases[`recipient-${kind}`] = { rules: `${servers("recipient", kind)} ${net}`, to: "spam.test" };
    cases[`recipient-${kind}-own`] = { rules: `${servers("recipient", kind)} ${net}` };
    cases[`client-${kind}`] = { rules: `${servers("client", kind)} ${net}` };
    cases[`client-${kind}-nameless`] = { rules: `${servers("client", kind)} ${net}`, client: "127.0.0.4" };
    cases[`reverse-${kind}`] = { rules: `${servers("reverse_client_hostname", kind)} ${net}`, client: "127.0.0.3" };
    cases[`reverse-${kind}-nameless`] = { rules: `${servers("reverse_client_hostname", kind)} ${net}`, client: "127.0.0.4" };
    cases[`sender-${kind}-null`] = { rules: `${servers("sender", kind)} ${net}`, sender: "" };
    cases[`helo-${kind}-self`] = { rules: `${servers("helo", kind)} ${net}`, helo: "looped.test" };
  }
  return cases;
}

const lists = (table: Record<string, string>) => Object.fromEntries(Object.entries(table).map(([name, rules]) => [name, { rules }]));
const policy = (options = "") => `check_policy_service { inet:127.0.0.1:@POLICY@${options} }`;

const mapTable = (key: string, action: string) => `inline:{ {${key}=${action}} }`;

function actionCases(): Record<string, Case> {
  const actions: Record<string, string> = {
    ok: "OK", okay: "ok", dunno: "DUNNO", reject: "REJECT", rejecttext: "reject 5.7.9 go away", rejectstatus: "REJECT 4.7.9 class", defer: "DEFER", defertext: "DEFER 4.2.9 wait", deferifpermit: "DEFER_IF_PERMIT", deferifpermittext: "defer_if_permit 4.2.3 hm",
    deferifreject: "DEFER_IF_REJECT", deferifrejecttext: "DEFER_IF_REJECT 4.2.3 hm", warn: "WARN", warntext: "WARN text", info: "INFO", infotext: "INFO text", hold: "HOLD", holdtext: "HOLD text", discard: "DISCARD", discardtext: "DISCARD text", filter: "FILTER smtp:[127.0.0.1]", filterbad: "FILTER smtp", filterempty: "FILTER",
    redirect: "REDIRECT bob@example.com", redirectbad: "REDIRECT bob", redirectempty: "REDIRECT", bcc: "BCC bob@example.com", bccbad: "BCC bob", prepend: "PREPEND X-A: b", prependbad: "PREPEND X-A", prependempty: "PREPEND", code4: "450 4.1.8 four", code5: "550 five", codebare: "551", codeother: "299 strange", numeric: "12345", code521: "521 5.7.1 closing", code421: "421 4.7.1 closing", list: "reject_non_fqdn_sender, permit", listclass: "myclass", listunknown: "nothing_known", empty: " ", hangup: "HANGUP", permit: "permit",
    numberlong: "4000", twocodes: "550 5.7.1 550 5.7.2 x", ascii: "REJECT \u00e9", lf: "REJECT a\\nb",
  };
  const cases: Record<string, Case> = {};
  for (const [name, action] of Object.entries(actions)) {
    cases[`act-${name}`] = { rules: `check_sender_access ${mapTable("s@good.test", action)}` };
    if (/^(defer|ok|dunno|warn|hold)/.test(name)) cases[`act-${name}-permit`] = { rules: `check_sender_access ${mapTable("s@good.test", action)}, permit` };
    if (/^(rej|def|code|war)/.test(name)) cases[`act-${name}-warn`] = { rules: `warn_if_reject check_sender_access ${mapTable("s@good.test", action)}` };
  }
  return cases;
}

const dnsbl: Record<string, Case> = {
  ...lists({
    "rbl": "reject_rbl_client bl.test", "rbl-filter-hit": "reject_rbl_client bl.test=127.0.0.2", "rbl-filter-miss": "reject_rbl_client bl.test=127.0.0.3", "rbl-range": "reject_rbl_client two.test=127.0.[0..1].[9;11]", "rbl-two": "reject_rbl_client two.test",
    "rbl-none": "reject_rbl_client none.test", "rbl-dead": "reject_rbl_client dead.test", "rbl-dead-permit": "reject_rbl_client dead2.test, permit", "rbl-odd": "reject_rbl_client odd.test", "rbl-big": "reject_rbl_client bigtext.test", "rbl-old": "reject_rbl bl.test",
    "rbl-warn": "warn_if_reject reject_rbl_client bl.test", "rbl-maps": "reject_maps_rbl",
    "rhsbl-client": "reject_rhsbl_client rhs.test", "rhsbl-client-filter": "reject_rhsbl_client rhs.test=127.0.0.9", "rhsbl-none": "reject_rhsbl_client none.test", "wl": "permit_dnswl_client wl.test", "wl-filter": "permit_dnswl_client wl.test=127.0.0.[1..4]", "wl-dead": "permit_dnswl_client dead3.test", "wl-dead-permit": "permit_dnswl_client dead4.test, permit", "wl-none": "permit_dnswl_client none.test", "rhswl": "permit_rhswl_client rhswl.test", "rhswl-none": "permit_rhswl_client none.test",
    "noarg": "reject_rbl_client",
  }),
  "rhsbl-helo": { rules: "reject_rhsbl_helo rhs.test", helo: "helo.spam.test" },
  "rhsbl-helo-literal": { rules: "reject_rhsbl_helo rhs.test", helo: "[127.0.0.1]" },
  "rhsbl-sender": { rules: "reject_rhsbl_sender rhs.test", sender: "x@spam.test" },
  "rhsbl-sender-null": { rules: "reject_rhsbl_sender rhs.test", sender: "" },
  "rhsbl-sender-literal": { rules: "reject_rhsbl_sender rhs.test", sender: "x@[127.0.0.1]" },
  "rhsbl-sender-utf": { rules: "reject_rhsbl_sender rhs.test", sender: "\"a b\"@spam.test" },
  "rhsbl-recipient": { rules: "reject_rhsbl_recipient rhs.test" },
  "rhsbl-reverse": { rules: "reject_rhsbl_reverse_client rhs.test", client: "127.0.0.3" },
  "rhsbl-reverse-none": { rules: "reject_rhsbl_reverse_client rhs.test", client: "127.0.0.4" },
  "rhsbl-client-nameless": { rules: "reject_rhsbl_client rhs.test", client: "127.0.0.4" },
};

const names: Record<string, Case> = {};
for (const [index, domain] of ["good.test", "address-only.test", "six-only.test", "null.test", "txt-only.test", "dangling.test", "alias.test", "servfail.test", "mxfail.test", "missing.test", "[127.0.0.1]", "invalid.test", "short", "example.com", "looped.test"].entries()) {
  names[`senderdomain-${index}`] = { rules: "reject_unknown_sender_domain", sender: `x@${domain}` };
  names[`senderdomain-${index}-permit`] = { rules: "reject_unknown_sender_domain, permit", sender: `x@${domain}` };
  names[`rcptdomain-${index}`] = { rules: "reject_unknown_recipient_domain, permit", to: domain };
  names[`helohost-${index}`] = { rules: "reject_unknown_helo_hostname, permit", helo: domain };
  names[`fqdnsender-${index}`] = { rules: "reject_non_fqdn_sender", sender: `x@${domain}` };
  names[`fqdnhelo-${index}`] = { rules: "reject_non_fqdn_helo_hostname", helo: domain };
  names[`invalidhelo-${index}`] = { rules: "reject_invalid_helo_hostname", helo: domain };
}
for (const client of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
  const tail = client.slice(-1);
  names[`client-${tail}`] = { rules: "reject_unknown_client_hostname", client };
  names[`client-old-${tail}`] = { rules: "reject_unknown_client", client };
  names[`reverse-${tail}`] = { rules: "reject_unknown_reverse_client_hostname", client };
  names[`access-${tail}`] = { rules: "check_client_access inline:{ {client.test=REJECT name} {127.0.0=REJECT net} {unknown=REJECT unknown} }", client };
  names[`reverseaccess-${tail}`] = { rules: "check_reverse_client_hostname_access inline:{ {forged.client.test=REJECT forged} {unknown=REJECT none} }", client };
}

const backup: Record<string, Case> = Object.fromEntries(
  ["backup.test", "outside.test", "byaddress.test", "notours.test", "weprimary.test", "broken-primary.test", "servfail.test", "missing.test", "example.com", "relayed.test", "address-only.test", "null.test", "[127.0.0.1]", "dangling.test"].flatMap((to, index) => [
    [`mxb-${index}`, { rules: "permit_mx_backup", to }],
    [`mxb-${index}-warn`, { rules: "permit_mx_backup, reject_unauth_destination, permit", to }],
  ]),
);
backup["mxb%backup.test"] = { rules: "permit_mx_backup", to: "example.com" };

const statuses: Record<string, Case> = {};
for (const detail of ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]) {
  statuses[`dsn-sender-${detail}`] = { rules: `check_sender_access ${mapTable("s@good.test", `450 4.1.${detail} x`)}` };
  statuses[`dsn-rcpt-${detail}`] = { rules: `check_recipient_access ${mapTable("example.com", `550 5.1.${detail} x`)}` };
  statuses[`dsn-client-${detail}`] = { rules: `check_client_access ${mapTable("good.client.test", `REJECT 5.1.${detail} x`)}` };
  statuses[`dsn-helo-${detail}`] = { rules: `check_helo_access ${mapTable("client.test", `DEFER_IF_PERMIT 4.1.${detail} x`)}, permit` };
}

/** Restrictions that need a list or table that can't be asked. */
function unanswered(kind: string): Record<string, Case> {
  const rules: Record<string, string> = {
    mynetworks: "permit_mynetworks, permit",
    "mynetworks-warn": "warn_if_reject permit_mynetworks, permit",
    relay: "reject_unauth_destination, permit",
    "relay-warn": "warn_if_reject reject_unauth_destination, permit",
    unlisted: "reject_unlisted_recipient, permit",
    "unlisted-sender": "reject_unlisted_sender, permit",
    backup: "permit_mx_backup, permit",
    permit: "permit",
  };
  const cases = Object.fromEntries(Object.entries(rules).map(([local, rule]) => [`${kind}-${local}`, { rules: rule }]));
  return {
    ...cases,
    [`${kind}-foreign`]: { rules: "reject_unauth_destination, permit", to: "elsewhere.test" },
    [`${kind}-foreign-backup`]: { rules: "permit_mx_backup, permit", to: "backup.test" },
    [`${kind}-foreign-unsure`]: { rules: "permit_mx_backup", to: "backup.test" },
    [`${kind}-our-sender`]: { rules: "reject_unlisted_sender, permit", sender: "x@example.com" },
  };
}

export const groups: Readonly<Record<string, CaseGroup>> = {
  servers: { settings: {}, cases: serverCases() },
  actions: { settings: { access_map_reject_code: "555", access_map_defer_code: "455" }, cases: actionCases() },
  statuses: { settings: {}, cases: statuses },
  softactions: { settings: { soft_bounce: "yes", defer_code: "471", reject_code: "571" }, cases: { "soft-reject": { rules: "reject" }, "soft-defer": { rules: "defer" }, "soft-map": { rules: "check_sender_access inline:{s@good.test=REJECT}" }, "soft-code": { rules: "check_sender_access inline:{ {s@good.test=550 5.7.1 x} }" } } },
  dnsbl: { settings: {}, cases: dnsbl },
  dnsblown: {
    settings: { maps_rbl_reject_code: "599", default_rbl_reply: "$rbl_code 4.1.1 $rbl_domain: ${rbl_reason?reason: $rbl_reason} ${rbl_reason:none} [$rbl_what] ($rbl_class) $client $$", rbl_reply_maps: "", maps_rbl_domains: "bl.test" },
    cases: { "own": { rules: "reject_rbl_client bl.test" }, "own-maps": { rules: "reject_maps_rbl" }, "own-rhs": { rules: "reject_rhsbl_sender rhs.test", sender: "x@spam.test" } },
  },
  names: { settings: {}, cases: names },
  namecodes: {
    settings: { unknown_address_reject_code: "551", unknown_client_reject_code: "552", unknown_hostname_reject_code: "553", non_fqdn_reject_code: "556", invalid_hostname_reject_code: "557", plaintext_reject_code: "558", multi_recipient_bounce_reject_code: "559", relay_domains_reject_code: "560", unknown_address_tempfail_action: "defer", unknown_helo_hostname_tempfail_action: "defer" },
    cases: {
      "c-sender": { rules: "reject_unknown_sender_domain", sender: "x@missing.test" }, "c-sender-temp": { rules: "reject_unknown_sender_domain, permit", sender: "x@servfail.test" }, "c-client": { rules: "reject_unknown_client_hostname", client: "127.0.0.3" }, "c-client-none": { rules: "reject_unknown_client_hostname", client: "127.0.0.4" }, "c-reverse": { rules: "reject_unknown_reverse_client_hostname", client: "127.0.0.4" },
      "c-helo": { rules: "reject_unknown_helo_hostname", helo: "missing.test" }, "c-helo-temp": { rules: "reject_unknown_helo_hostname, permit", helo: "servfail.test" }, "c-fqdn": { rules: "reject_non_fqdn_sender", sender: "x@short" }, "c-invalid": { rules: "reject_invalid_helo_hostname", helo: "-bad" }, "c-plain": { rules: "reject_plaintext_session" }, "c-bounce": { rules: "reject_multi_recipient_bounce", sender: "" }, "c-relay": { rules: "reject_unauth_destination", to: "elsewhere.test" }, "c-relay-defer": { rules: "defer_unauth_destination", to: "elsewhere.test" },
    },
  },
  dnsfilter: {
    settings: {
      smtpd_dns_reply_filter:
        "regexp:{ {/^good\\.test\\. [0-9]+ IN MX / IGNORE}, {/^spam\\.test\\. / ignore}, {/^2\\.0\\.0\\.127\\.bl\\.test\\. [0-9]+ IN A 127\\.0\\.0\\.2$$/ IGNORE}, {/ TXT 100% / Ignore}, {/^six-only\\.test\\. [0-9]+ IN AAAA 2001:db8::66$$/ IGNORE}, {/^address-only\\./ NONSENSE}, {/^null\\.test\\. 300 IN MX 0 \\.$$/ IGNORE}, {/^ns\\.client\\./ IGNORE} }",
    },
    cases: {
      ...Object.fromEntries(
        ["good.test", "spam.test", "six-only.test", "address-only.test", "null.test", "alias.test", "backup.test"].flatMap((domain, index) => [
          [`df-sender-${index}`, { rules: "reject_unknown_sender_domain, permit", sender: `x@${domain}` }],
          [`df-helo-${index}`, { rules: "reject_unknown_helo_hostname, permit", helo: domain }],
          [`df-mx-${index}`, { rules: `check_sender_mx_access ${net}, permit`, sender: `x@${domain}` }],
          [`df-ns-${index}`, { rules: `check_sender_ns_access ${net}, permit`, sender: `x@${domain}` }],
          [`df-a-${index}`, { rules: `check_sender_a_access ${net}, permit`, sender: `x@${domain}` }],
        ]),
      ),
      ...lists({ "df-rbl": "reject_rbl_client bl.test, permit", "df-rbl-other": "reject_rbl_client two.test, permit", "df-rbl-text": "reject_rbl_client odd.test, permit" }),
      "df-rhs": { rules: "reject_rhsbl_sender rhs.test, permit", sender: "x@spam.test" },
      "df-backup": { rules: "permit_mx_backup", to: "spam.test" },
      "df-rcpt": { rules: "reject_unknown_recipient_domain, permit", to: "spam.test" },
    },
  },
  dnsfilterbroken: {
    settings: { smtpd_dns_reply_filter: "fail:x" },
    cases: { "db-sender": { rules: "reject_unknown_sender_domain, permit" }, "db-rbl": { rules: "reject_rbl_client bl.test, permit" } },
  },
  backup: { settings: {}, cases: backup },
  backupanywhere: { settings: { permit_mx_backup_networks: "" }, cases: Object.fromEntries(Object.entries(backup).slice(0, 8)) },
  logpermit: {
    settings: { smtpd_log_access_permit_actions: "static:all" },
    cases: {
      ...lists({ "lp-permit": "permit", "lp-mynetworks": "permit_mynetworks", "lp-auth": "permit_auth_destination", "lp-map": "check_sender_access inline:{s@good.test=OK}", "lp-class": "myclass, permit", "lp-dunno": "check_sender_access inline:{s@good.test=DUNNO}, permit", "lp-wl": "permit_dnswl_client wl.test", "lp-policy": policy(), "lp-inet": "permit_inet_interfaces, permit_mx_backup", "lp-number": "check_sender_access inline:{s@good.test=12345}", "lp-discard": "check_sender_access inline:{s@good.test=DISCARD}" }),
      "ok": { rules: policy() },
      "lp-rcpt": { rules: "check_recipient_access inline:{lp-rcpt@example.com=OK}" },
    },
  },
  logsome: {
    settings: { smtpd_log_access_permit_actions: "check_sender_access, permit_mynetworks" },
    cases: lists({ "ls-permit": "permit", "ls-map": "check_sender_access inline:{s@good.test=OK}" }),
  },
  policy: {
    settings: { smtpd_policy_service_timeout: "1s", smtpd_policy_service_retry_delay: "1s" },
    cases: {
      ...lists(Object.fromEntries(["dunno", "ok", "reject", "reject-text", "code", "code-bare", "defer", "defer-text", "defer-if-permit", "defer-if-reject", "hold", "discard", "filter", "redirect", "bcc", "prepend", "warn", "info", "class", "list", "table", "unknown", "empty", "more", "noaction", "nothing", "garbage", "hangup", "silent"].map((name) => [name, policy()]))),
      ...lists({
        "p-nobody": "check_policy_service inet:127.0.0.1:@NOBODY@", "p-nosocket": "check_policy_service unix:private/nothing", "p-plain": "check_policy_service inet:127.0.0.1:@POLICY@, permit", "p-default": "check_policy_service { inet:127.0.0.1:@NOBODY@, default_action=DUNNO, try_limit=1 }, permit", "p-default-brace": "check_policy_service { inet:127.0.0.1:@NOBODY@, { default_action = 450 4.7.7 try, later }, try_limit=1 }", "p-context": policy(", { policy_context = my context }"),
        "p-noarg": "check_policy_service", "p-warn": "warn_if_reject check_policy_service { inet:127.0.0.1:@NOBODY@, try_limit=1 }, permit",
      }),
    },
  },
  lies: {
    settings: {},
    cases: Object.fromEntries(
      ["silent.test", "garbage.test", "refused.test", "notimp.test", "otherquestion.test"].flatMap((domain, index) => [
        [`lie-sender-${index}`, { rules: "reject_unknown_sender_domain, permit", sender: `x@${domain}` }],
        [`lie-helo-${index}`, { rules: "reject_unknown_helo_hostname, permit", helo: domain }],
        [`lie-mx-${index}`, { rules: `check_sender_mx_access ${net}, permit`, sender: `x@${domain}` }],
        [`lie-ns-${index}`, { rules: `check_sender_ns_access ${net}, permit`, sender: `x@${domain}` }],
        [`lie-backup-${index}`, { rules: "permit_mx_backup", to: domain }],
        [`lie-rhsbl-${index}`, { rules: `reject_rhsbl_sender ${domain}, permit`, sender: "x@spam.test" }],
      ]),
    ),
  },
  old: {
    settings: {},
    cases: {
      "o-invalid": { rules: "reject_invalid_hostname", helo: "-bad" },
      "o-fqdn": { rules: "reject_non_fqdn_hostname", helo: "short" },
      "o-unknown": { rules: "reject_unknown_hostname", helo: "missing.test" },
      "o-login": { rules: "reject_authenticated_sender_login_mismatch, permit" },
      "o-nologin": { rules: "reject_unauthenticated_sender_login_mismatch, permit" },
      "o-known": { rules: "reject_known_sender_login_mismatch, permit" },
    },
  },
  probes: {
    settings: { smtpd_reject_unlisted_recipient: "yes", local_recipient_maps: "inline:{a=b}" },
    cases: {
      "double-bounce": { rules: "reject", to: "mx.example.com" }, "Double-Bounce": { rules: "reject" }, "pb-sender": { rules: "reject_unauth_pipelining", sender: "double-bounce@mx.example.com" }, "pb-other": { rules: "permit" }, "double-bounce+x": { rules: "reject", to: "mx.example.com" },
    },
  },
  probesown: {
    settings: { address_verify_sender: "probe@example.com" },
    cases: { "probe": { rules: "reject" }, "double-bounce": { rules: "reject" }, "probe0": { rules: "reject" } },
  },
  probesempty: {
    settings: { address_verify_sender: "<>" },
    cases: { "double-bounce": { rules: "reject", to: "mx.example.com" } },
  },
  // Lists and tables behind restrictions that can't be asked.
  ...Object.fromEntries(["fail:x", "texthash:/nonexistent/table"].flatMap((table, at) =>
    [
      ["networks", { mynetworks: table, smtpd_forbid_bare_newline: "no", smtpd_client_event_limit_exceptions: "" }],
      ["recipients", { local_recipient_maps: table, smtpd_reject_unlisted_recipient: "yes" }],
      ["backups", { permit_mx_backup_networks: table }],
    ].map(([name, settings]) => [`${name as string}Out${at}`, { settings: settings as Record<string, string>, cases: unanswered(name as string) }] as const)
  )),
  misc: {
    settings: {},
    cases: {
      ...lists({
        "m-permit": "permit", "m-reject": "reject", "m-defer": "defer", "m-dip": "defer_if_permit, permit", "m-dip-reject": "defer_if_permit, reject", "m-dir": "defer_if_reject, reject", "m-dir-permit": "defer_if_reject, permit", "m-warn": "warn_if_reject reject, permit", "m-warn-dip": "warn_if_reject defer_if_permit, permit", "m-sleep": "sleep 1, permit", "m-sleep-bad": "sleep x", "m-mynetworks": "permit_mynetworks", "m-inet": "permit_inet_interfaces", "m-naked": "permit_naked_ip_address", "m-tls": "permit_tls_clientcerts, permit_tls_all_clientcerts", "m-sasl": "permit_sasl_authenticated",
        "m-pipelining": "reject_unauth_pipelining", "m-plain": "reject_plaintext_session", "m-etrn": "check_etrn_access inline:{a=b}", "m-ccert": "check_ccert_access inline:{a=b}", "m-saslaccess": "check_sasl_access inline:{a=b}", "m-unlisted": "reject_unlisted_recipient", "m-unlistedsender": "reject_unlisted_sender", "m-recipmaps": "check_recipient_maps", "m-nothing": "no_such_restriction", "m-badtable": "check_sender_access nothing", "m-badtype": "check_sender_access nosuch:table", "m-missing": "check_sender_access hash:/nowhere/at/all", "m-missing-warn": "warn_if_reject check_sender_access hash:/nowhere/at/all, permit", "m-addrmap": "check_address_map inline:{s@good.test=REJECT}", "m-baretable": "inline:{m-baretable@example.com=REJECT}", "m-noarg": "check_sender_access", "m-upper": "REJECT", "m-mismatch": "reject_sender_login_mismatch, permit", "m-case": "Check_Sender_Access inline:{s@good.test=REJECT}",
        "m-permit-more": "permit, reject", "m-reject-more": "reject, permit_mynetworks", "m-defer-more": "defer, warn_if_reject reject", "m-fail": "check_sender_access fail:x", "m-fail-client": "check_client_access fail:x", "m-fail-helo": "check_helo_access fail:x", "m-fail-mx": "check_sender_mx_access fail:x", "m-fail-reverse": "warn_if_reject check_reverse_client_hostname_access fail:x, permit", "m-missing-client": "check_client_access hash:/nowhere/at/all",
        "m-warn-last": "warn_if_reject", "m-comma": "permit_mynetworks,,  permit", "m-helo": "check_helo_access inline:{client.test=REJECT}", "m-helo-ns": "check_helo_ns_access", "m-permitauth": "permit_auth_destination", "m-maprecursion": "check_sender_access inline:{s@good.test=loopclass}",
      }),
      "m-bounce": { rules: "reject_multi_recipient_bounce, permit", sender: "" },
      "m-null": { rules: "check_sender_access inline:{ {<>=REJECT null} }", sender: "" },
      "m-nofqdn": { rules: "reject_non_fqdn_recipient", to: "short" },
      "m-relay": { rules: "reject_unauth_destination, permit", to: "elsewhere.test" },
      "m-relay-ours": { rules: "reject_unauth_destination, permit", to: "relayed.test" },
      "m-relay-defer": { rules: "defer_unauth_destination, permit", to: "elsewhere.test" },
      "m-relay-old": { rules: "check_relay_domains, permit", to: "elsewhere.test" },
      "m-sub": { rules: "check_sender_access inline:{ {.good.test=REJECT dot} {good.test=REJECT plain} }", sender: "x@sub.good.test" },
      "m-user": { rules: "check_sender_access inline:{ {x@=REJECT user} }", sender: "x@sub.good.test" },
      "m-ext": { rules: "check_sender_access inline:{ {x@good.test=REJECT ext} }", sender: "x+y@good.test" },
      "m-hash-net": { rules: "check_client_access inline:{ {127.0=REJECT net} }" },
      "m-cidr": { rules: "check_client_access cidr:{ {127.0.0.0/30 REJECT cidr} }" },
      "m-pcre": { rules: "check_sender_access regexp:{ {/^(.*)@good/ 550 5.7.1 you are $$1} }" },
    },
  },
};

/** The value of the parameter with the tables that lead each recipient to its class. */
export function settingsOf(name: string, ports: { readonly policy: number; readonly nobody: number }): Record<string, string> {
  const { settings, cases } = groups[name]!;
  const result: Record<string, string> = { ...base, ...settings };
  const entries = Object.entries(cases);
  const fill = (text: string) => text.replaceAll("@POLICY@", String(ports.policy)).replaceAll("@NOBODY@", String(ports.nobody));
  result.loopclass = "check_sender_access inline:{s@good.test=loopclass}";
  result.smtpd_restriction_classes = ["myclass", "loopclass", ...entries.map((_, index) => `class${index}`)].join(", ");
  entries.forEach(([, { rules }], index) => result[`class${index}`] = fill(rules));
  const table = entries.map(([local, { to }], index) => `{${local}@${to ?? "example.com"}=class${index}}`).join(" ");
  result.smtpd_recipient_restrictions = `check_recipient_access inline:{ ${table} }, reject`;
  return result;
}

/** What the client of a case says, one line a step. */
export function linesOf(local: string, { helo, sender, to }: Case): string[] {
  return [`EHLO ${helo ?? "client.test"}`, `MAIL FROM:<${sender ?? "s@good.test"}>`, `RCPT TO:<${local}@${to ?? "example.com"}>`];
}
