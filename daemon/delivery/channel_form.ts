import { AttributeError } from "../../core/ipc/mod.ts";
import type { Recipient } from "../../core/queue/types.ts";
import { queueIdFrom, queueNameFrom } from "./wire.ts";
import type { DeliveryRequest, DeliveryTimes } from "./types.ts";

/** A request as JSON text. */
export function requestToJson(request: DeliveryRequest): string {
  return JSON.stringify({ ...request, attributes: [...request.attributes] });
}

type Fields = Readonly<Record<string, unknown>>;

function broken(name: string): AttributeError {
  return new AttributeError("syntax", `A delivery request with a bad "${name}"`);
}

function object(value: unknown, name: string): Fields {
  if (typeof value !== "object" || value === null) throw broken(name);
  return value as Fields;
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw broken(name);
  return value;
}

function number(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number") throw broken(name);
  return value;
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw broken(name);
  return value;
}

function recipient(value: unknown): Recipient {
  const fields = object(value, "recipients");
  return {
    address: text(fields, "address"),
    original: text(fields, "original"),
    offset: number(fields, "offset"),
    dsnOriginal: text(fields, "dsnOriginal"),
    notify: number(fields, "notify"),
  };
}

function times(value: unknown): DeliveryTimes {
  const fields = object(value, "times");
  return {
    incoming: number(fields, "incoming"),
    active: number(fields, "active"),
    agent: number(fields, "agent"),
    connected: number(fields, "connected"),
    delivered: number(fields, "delivered"),
    reuse: number(fields, "reuse"),
  };
}

function attribute(value: unknown): [string, string] {
  const [name, text] = Array.isArray(value) ? value as unknown[] : [];
  if (typeof name !== "string" || typeof text !== "string") throw broken("attributes");
  return [name, text];
}

/**
 * The request that parsed JSON stands for; everything is checked, because its sender has fewer rights than who acts on it.
 * Throws `AttributeError`.
 */
export function requestFromJson(value: unknown): DeliveryRequest {
  const fields = object(value, "request");
  return {
    flags: number(fields, "flags"),
    queueName: queueNameFrom(text(fields, "queueName")),
    queueId: queueIdFrom(text(fields, "queueId")),
    contentOffset: number(fields, "contentOffset"),
    contentSize: number(fields, "contentSize"),
    messageSize: number(fields, "messageSize"),
    nexthop: text(fields, "nexthop"),
    encoding: text(fields, "encoding"),
    sendopts: number(fields, "sendopts"),
    sender: text(fields, "sender"),
    envelopeId: text(fields, "envelopeId"),
    returnFlags: number(fields, "returnFlags"),
    times: times(fields.times),
    attributes: new Map(list(fields, "attributes").map(attribute)),
    recipients: list(fields, "recipients").map(recipient),
    ...(fields.lastRecipient === true ? { lastRecipient: true } : {}),
  };
}
