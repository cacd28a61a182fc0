import { parseTime, splitList, unbrace } from "../../../core/config/mod.ts";
import { encodeXtext } from "../../../core/smtp/mod.ts";
import { clientFingerprints } from "../fingerprints.ts";
import { printable, type Session } from "../session.ts";
import { applyAction } from "./actions.ts";
import type { Check, Outcome } from "./check.ts";
import { PolicyClient, type PolicyOptions } from "./policy_client.ts";
import type { Restriction } from "./restriction.ts";

/** `check_policy_service endpoint` or `check_policy_service { endpoint, name=value, ... }`. */
export const policyRestrictions: Readonly<Record<string, Restriction>> = {
  check_policy_service: {
    argument: "service",
    async run(check, argument) {
      const client = clientFor(check, argument);
      if (typeof client === "string") {
        check.session.warn(client);
        return check.misconfigured();
      }
      const action = await client.ask(requestAttributes(check, client.options.context));
      return await applyAction(check, {
        table: argument,
        key: "",
        value: action ?? client.options.defaultAction,
        name: check.name,
        nameClass: check.nameClass,
      }) as Outcome;
    },
  },
};

/** The client for an argument, made once a snapshot; a text says what is wrong with the argument. */
function clientFor(check: Check, argument: string): PolicyClient | string {
  const { access, deps } = check.session.service;
  const known = access.policyClients.get(argument);
  if (known !== undefined) return known;
  const options = readOptions(check, argument);
  if (typeof options === "string") return options;
  const queueDirectory = deps.config.string("queue_directory");
  const client = new PolicyClient(
    options,
    queueDirectory,
    access.timer,
    (text) => deps.log.warning(text),
  );
  access.policyClients.set(argument, client);
  return client;
}

function readOptions(check: Check, argument: string): PolicyOptions | string {
  const options = { endpoint: "", ...check.session.service.access.settings.policy };
  const braced = unbrace(argument);
  const inner = braced !== undefined && "text" in braced ? braced.text.trim() : argument;
  for (const [index, word] of splitList(inner).entries()) {
    const text = word.startsWith("{") ? word.slice(1, -1).trim() : word;
    const equals = text.indexOf("=");
    if (index === 0) {
      options.endpoint = text;
      continue;
    }
    const name = text.slice(0, equals).trim();
    const value = text.slice(equals + 1).trim();
    const seconds = parseTime(value, "s");
    const count = /^\d+$/.test(value) ? Number(value) : undefined;
    if (name === "timeout" && seconds !== undefined) options.timeout = seconds;
    else if (name === "max_idle" && seconds !== undefined) options.maxIdle = seconds;
    else if (name === "max_ttl" && seconds !== undefined) options.maxTtl = seconds;
    else if (name === "retry_delay" && seconds !== undefined) options.retryDelay = seconds;
    else if (name === "request_limit" && count !== undefined) options.requestLimit = count;
    else if (name === "try_limit" && count !== undefined) options.tryLimit = count;
    else if (name === "default_action") options.defaultAction = value;
    else if (name === "policy_context") options.context = value;
    else return `bad policy service attribute: "${text}" in "${argument}"`;
  }
  if (!/^(inet|unix):./.test(options.endpoint)) {
    return `bad policy service endpoint: "${options.endpoint}": use inet:host:port or unix:path`;
  }
  return options;
}

/** The attributes of a request, in the order in which Postfix sends them. */
function* requestAttributes(check: Check, context: string): Generator<readonly [string, string]> {
  const { session } = check;
  const { client, service, transaction } = session;
  const { config } = service.deps;
  const text = (value: string | undefined) => value === undefined ? "" : printable(value);
  const started = transaction?.arrival ?? { seconds: 0, micros: 0 };
  const hex = (value: number) => value.toString(16);
  yield ["request", "smtpd_access_policy"];
  yield ["protocol_state", session.where];
  yield ["protocol_name", session.protocol];
  yield ["client_address", client.address];
  yield ["client_name", client.name];
  yield ["client_port", client.port];
  yield ["reverse_client_name", client.reverseName];
  yield ["server_address", client.serverAddress];
  yield ["server_port", client.serverPort];
  yield ["helo_name", text(session.helo)];
  yield ["sender", text(check.sender)];
  yield ["recipient", text(check.recipient)];
  yield ["recipient_count", check.stage === "recipient" ? "0" : String(transaction?.recipients ?? 0)];
  yield ["queue_id", transaction?.queueId ?? ""];
  yield [
    "instance",
    `${hex(Deno.pid)}.${hex(started.seconds)}.${hex(started.micros)}.${hex(session.serial)}`,
  ];
  yield ["size", String(transaction?.content?.size ?? transaction?.declaredSize ?? 0)];
  yield ["etrn_domain", text(check.subject.etrn)];
  yield ["stress", config.string("stress")];
  yield ["sasl_method", session.login?.method ?? ""];
  yield ["sasl_username", session.login?.user ?? ""];
  yield ["sasl_sender", text(transaction?.saslSender)];
  yield* tlsAttributes(session);
  yield ["policy_context", context];
  yield ["compatibility_level", config.string("compatibility_level")];
  yield ["mail_version", config.string("mail_version")];
}

/** What a session under TLS has to tell; names only from certificates that are trusted. */
function* tlsAttributes(session: Session): Generator<readonly [string, string]> {
  const { tls } = session;
  const named = tls?.trusted === true ? tls.peer : undefined;
  const prints = clientFingerprints(session);
  yield ["ccert_subject", encodeXtext(named?.subject ?? "")];
  yield ["ccert_issuer", encodeXtext(named?.issuer ?? "")];
  yield ["ccert_fingerprint", prints?.certificate ?? ""];
  yield ["ccert_pubkey_fingerprint", prints?.publicKey ?? ""];
  yield ["encryption_protocol", tls?.protocol ?? ""];
  yield ["encryption_cipher", tls?.cipher ?? ""];
  yield ["encryption_keysize", String(tls?.cipherBits ?? 0)];
}
