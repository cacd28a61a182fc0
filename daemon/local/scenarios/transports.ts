/** Local mail that is handed to another transport, and mail to names that are nobody's. */
import { lines, mail } from "./parts.ts";
import type { Scenario } from "../world_testing.ts";

const transports: Scenario = {
  name: "other transports",
  main: [
    "mailbox_transport_maps = inline:{ { u01 = discard:one } { u02 = error:5.7.0 not here } }",
    "fallback_transport_maps = inline:{ { gone1 = discard:two } }",
    "fallback_transport = discard:three",
  ],
  files: { aliases: "" },
  messages: ["u01", "u02", "u03", "gone1", "gone2+x"].map((name) => mail(name, name)),
};

const mailboxTransport: Scenario = {
  name: "mailbox transport",
  main: ["mailbox_transport = discard:mt", "luser_relay = catch+$local@outside.example"],
  files: { aliases: "" },
  messages: ["u01", "gone1"].map((name) => mail(name, name)),
};

const luser: Scenario = {
  name: "luser relay",
  main: ["luser_relay = $user+${extension}.${domain}?@outside.example", "home_mailbox ="],
  files: { aliases: "" },
  messages: ["gone1", "gone2+x", "postmaster"].map((name) => mail(name, name)),
};

const luserLocal: Scenario = {
  name: "luser relay at home",
  main: ["luser_relay = u01", "propagate_unmatched_extensions = alias, forward, include, canonical, virtual"],
  files: {
    aliases: "ali u02, x@outside.example\ninc :include:{dir}/lists/inc\n",
    "lists/inc": "u03, y@outside.example\n",
    "home/u04/.forward": "z@outside.example\n",
  },
  messages: ["gone1", "gone2+x", "ali+e", "inc+e", "u04+e"].map((name) => mail(name, name)),
};

/** Refused before DATA: the status says of a sender what the transport says of a recipient, and the other way round. */
const CODES = ["5.1.1", "5.1.2", "5.1.5", "5.1.6", "5.1.7", "5.1.8", "5.7.1", "4.1.1", "4.1.8"];
const refusing: Scenario = {
  name: "refusals of senders and recipients",
  main: [
    "smtpd_reject_unlisted_recipient = yes",
    "smtpd_reject_unlisted_sender = yes",
    "relocated_maps = inline:{ { gone@example.com = x@elsewhere.example } }",
    "virtual_alias_domains = va.example",
    "transport_maps = texthash:{dir}/transport",
  ],
  files: {
    aliases: "",
    transport: lines(
      ...CODES.map((code) => `s${code}.example ${code.startsWith("4") ? "retry" : "error"}:${code} words`),
    ),
  },
  messages: ["gone@example.com", "z@va.example", ...CODES.map((code) => `x@s${code}.example`)].flatMap((
    address,
  ) => [
    mail(`to ${address}`, address),
    mail(`from ${address}`, "u01", { from: address }),
  ]),
};

export const transportsScenarios: readonly Scenario[] = [
  transports,
  mailboxTransport,
  luser,
  luserLocal,
  refusing,
];
