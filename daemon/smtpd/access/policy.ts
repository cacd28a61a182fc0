import { parseTime, splitList, unbrace } from "../../../core/config/mod.ts";
import { applyAction } from "./actions.ts";
import type { Check } from "./check.ts";
import { PolicyClient, type PolicyOptions } from "./policy_client.ts";
import { policyRequest } from "./policy_request.ts";
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
      const action = await client.ask(policyRequest(check, client.options.context));
      return await applyAction(check, {
        table: argument,
        key: "",
        value: action ?? client.options.defaultAction,
        name: check.name,
        nameClass: check.nameClass,
      });
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
