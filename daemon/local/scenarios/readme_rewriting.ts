/** The examples of Postfix's ADDRESS_REWRITING_README, with mail that meets each of them. */
import { lines } from "./parts.ts";
import type { Scenario, WorldMessage } from "../world_testing.ts";

/** From an address to some, which stand in the header too. */
function between(
  id: string,
  from: string,
  to: readonly string[],
  more: Partial<WorldMessage> = {},
): WorldMessage {
  return { id, from, to, headers: [`From: Name <${from}> (office)`, `To: ${to.join(", ")}`], ...more };
}

const OUT = "hub.example smtp:[127.0.0.1]:{port:hub}";

const tables: Scenario = {
  name: "ADDRESS_REWRITING_README: the tables",
  main: [
    "canonical_maps = texthash:{dir}/canonical",
    "sender_canonical_maps = texthash:{dir}/sender_canonical",
    "recipient_canonical_maps = texthash:{dir}/recipient_canonical",
    "masquerade_domains = !lab.example.com foo.example.com example.com",
    "masquerade_exceptions = root",
    "virtual_alias_maps = texthash:{dir}/virtual",
    "relocated_maps = texthash:{dir}/relocated",
    "smtp_generic_maps = texthash:{dir}/generic",
    "transport_maps = texthash:{dir}/transport",
    "sender_bcc_maps = texthash:{dir}/sender_bcc",
    "recipient_bcc_maps = texthash:{dir}/recipient_bcc",
    "smtpd_reject_unlisted_recipient = yes",
    "default_transport = discard:",
    "local_recipient_maps = unix:passwd.byname $alias_maps",
  ],
  master: [
    "127.0.0.1:{port:nomap} inet n - n - - smtpd -o receive_override_options=no_address_mappings",
    "127.0.0.1:{port:foreign} inet n - n - - smtpd -o local_header_rewrite_clients= ",
    "127.0.0.1:{port:invalid} inet n - n - - smtpd -o local_header_rewrite_clients=inline:{192.0.2.1=x}",
    "  -o cleanup_service_name=cleanup-invalid",
    "127.0.0.1:{port:known} inet n - n - - smtpd",
    "  -o { local_header_rewrite_clients = permit_mynetworks check_address_map inline:{127.0.0.1=no} }",
    "  -o mynetworks=192.0.2.0/24 -o smtpd_recipient_restrictions=permit -o cleanup_service_name=cleanup-invalid",
    "cleanup-invalid unix n - n - 0 cleanup -o remote_header_rewrite_domain=domain.invalid",
  ],
  servers: ["nomap", "foreign", "invalid", "known"],
  peers: { hub: {} },
  files: {
    aliases: lines("u05 u05, copy@hub.example", "joe joe@hub.example"),
    canonical: lines("u01 User.One", "u02 user.two@foo.example.com", "@old.example @example.com"),
    sender_canonical: lines("ugly pretty@example.com"),
    recipient_canonical: lines("pretty u03", "ugly u04"),
    virtual: lines(
      "User.One u01",
      "user.two@example.com u02",
      "team u01, joe, far@hub.example",
      "self self@hub.example",
    ),
    relocated: lines(
      "gone@example.com otheruser@elsewhere.tld",
      "moved@hub.example other@hub.example",
      "@left.example x@y.example",
    ),
    generic: lines(
      "his@localdomain.local hisaccount@hisisp.example",
      "her@localdomain.local heraccount@herisp.example",
      "@localdomain.local hisaccount+local@hisisp.example",
      "u06 six@isp.example",
      "list@example.com list-out@isp.example",
    ),
    transport: lines(
      OUT,
      ".hub.example smtp:[127.0.0.1]:{port:hub}",
      "outside.example discard:",
      "left.example discard:",
    ),
    sender_bcc: lines("ugly@example.com never@hub.example", "pretty@example.com sent@hub.example"),
    recipient_bcc: lines("u03@example.com kept@hub.example", "@sub.hub.example all@hub.example"),
  },
  messages: [
    between("canonical", "u01@example.com", ["u01@example.com", "u02", "x@hub.example"]),
    between("canonical-domain", "someone@old.example", ["joe@old.example", "u01+ext@old.example"]),
    between("sender", "ugly@example.com", ["ugly@example.com", "pretty@example.com", "x@hub.example"]),
    between("masquerade", "u01@host.foo.example.com", ["u03@host.foo.example.com", "x@hub.example"]),
    between("masquerade-not", "u03@pc.lab.example.com", ["x@hub.example"]),
    between("masquerade-root", "root@pc.example.com", ["x@hub.example"]),
    between("team", "u06@example.com", ["team", "team+sales@example.com", "self"]),
    between("relocated", "x@outside.example", [
      "gone@example.com",
      "moved@hub.example",
      "any@left.example",
      "u03@example.com",
    ]),
    between("generic", "his@localdomain.local", ["her@localdomain.local@hub.example", "x@hub.example"], {
      headers: [
        "From: His Name <his@localdomain.local>",
        "To: =?utf-8?q?J=C3=B6rg?= <her@localdomain.local> (at home), Friends: other@localdomain.local, x@hub.example;",
        'Cc: list+a@example.com, "u06" <u06@example.com>,',
        '\tlist@example.com, "odd one"@localdomain.local',
        "Reply-To: u06",
      ],
    }),
    between("generic-ext", "her+ext@localdomain.local", [
      "list@example.com@hub.example",
      "y@sub.hub.example",
    ]),
    between("generic-null", "", ["x@hub.example"], { headers: ["From: <>", "To: undisclosed-recipients:;"] }),
    between("bcc", "pretty@example.com", ["u03@example.com", "x@sub.hub.example"]),
    between("alias", "u03@example.com", ["u05", "joe+ext"]),
    between("nomap", "u01@example.com", ["joe@old.example", "u01", "ugly@pc.example.com", "x@hub.example"], {
      via: "nomap",
    }),
    between("nomap-bcc", "pretty@example.com", ["u03@example.com", "x@hub.example"], { via: "nomap" }),
    between("foreign", "u01", ["u01", "x@hub.example"], { via: "foreign" }),
    between("foreign-header", "u01@host.example.com", ["ugly@example.com", "u02%hub.example@example.com"], {
      via: "foreign",
    }),
    between("known", "u01", ["u01@example.com", "x@hub.example"], { via: "known" }),
    between("invalid", "u01", ["u01@example.com", "x@hub.example"], {
      via: "invalid",
      headers: [
        "From: u01",
        "To: joe@host, ann, @relay.example:ben@hub.example",
        "Sender: host!user",
        "Cc: a%b",
      ],
    }),
  ],
};

const classes: Scenario = {
  name: "ADDRESS_REWRITING_README: masquerading everywhere, classes of canonical maps, generic maps for LMTP",
  main: [
    "masquerade_domains = foo.example.com example.com",
    "masquerade_classes = envelope_sender, envelope_recipient, header_sender, header_recipient",
    "canonical_maps = inline:{ { ann=ann.lee@hub.example } { bob=bob.low@hub.example } }",
    "canonical_classes = envelope_sender, header_recipient",
    "sender_canonical_maps = inline:{ { sam=sam.sung@hub.example } }",
    "sender_canonical_classes = header_sender",
    "recipient_canonical_maps = inline:{ { rob=rob.roy@hub.example } }",
    "recipient_canonical_classes = header_recipient",
    "lmtp_generic_maps = inline:{ { ann@hub.example=ann@inside.example } { @here.example=@inside.example } }",
    "propagate_unmatched_extensions = canonical",
    "always_bcc = all@hub.example",
    "local_header_rewrite_clients = permit_mynetworks",
    "transport_maps = inline:{ { hub.example = lmtp:inet:127.0.0.1:{port:hub} } { outside.example = discard: } }",
  ],
  peers: { hub: { lmtp: true } },
  files: { aliases: "" },
  messages: [
    between("ann", "ann", ["ann@hub.example", "u01@pc.foo.example.com"], {
      headers: ["From: ann, bob", "To: ann, bob+x, rob+x, sam", "Reply-To: sam+x, rob", "Sender: sam"],
    }),
    between("sam", "sam@example.com", ["ann+x@hub.example", "rob", "joe@here.example@hub.example"], {
      headers: ["From: joe@here.example, joe+x@here.example", "To: ann@hub.example, ann+x@hub.example"],
    }),
  ],
};

export const readmeRewritingScenarios: readonly Scenario[] = [tables, classes];
