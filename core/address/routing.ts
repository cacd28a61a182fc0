import { messageOf } from "../errors/mod.ts";
import type { AddressDeps, RewriteContext, Routing } from "./types.ts";
import type { DomainLists } from "./domains.ts";
import type { FindRules } from "./find.ts";
import { openMapList } from "./map_list.ts";
import { toExternal, toInternal } from "./quote.ts";
import { createResolver, type Resolver } from "./resolve.ts";
import type { Resolved } from "./resolved.ts";
import { isPlain, type RewriteRules, rewriteTokens } from "./rewrite.ts";
import { runSteps, type Steps } from "./steps.ts";
import { scanTokens, tokensToInternal } from "./tokens.ts";

/** Answers remembered for addresses whose rewriting or routing asks no table. */
const CACHE_SIZE = 2000;

function remembered<T>(compute: (key: string) => T): (key: string) => T {
  let cache = new Map<string, T>();
  return (key) => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const value = compute(key);
    if (cache.size >= CACHE_SIZE) cache = new Map();
    cache.set(key, value);
    return value;
  };
}

/**
 * Compiles one configuration snapshot. Throws `ConfigError` or `TableError` if tables can't be opened.
 * @param findRules how tables are searched for addresses
 */
export function createRouting(deps: AddressDeps, domains: DomainLists, findRules: FindRules): Routing {
  const { config } = deps;
  const swapBangpath = config.bool("swap_bangpath");
  const percentHack = config.bool("allow_percent_hack");
  const remoteDomain = config.string("remote_header_rewrite_domain");
  const rewriteRules: Record<RewriteContext, RewriteRules> = {
    local: {
      origin: config.bool("append_at_myorigin") ? findRules.origin : "",
      domain: config.bool("append_dot_mydomain") ? config.string("mydomain") : "",
      swapBangpath,
      percentHack,
    },
    remote: {
      origin: config.bool("append_at_myorigin") ? remoteDomain : "",
      domain: config.bool("append_dot_mydomain") ? remoteDomain : "",
      swapBangpath,
      percentHack,
    },
  };

  const rewriteWith = (context: RewriteContext) =>
    remembered((address: string) =>
      toExternal(tokensToInternal(rewriteTokens(rewriteRules[context], scanTokens(address))))
    );
  const rewriters = { local: rewriteWith("local"), remote: rewriteWith("remote") };
  const rewrite = (context: RewriteContext, address: string) =>
    address === "" || isPlain(address) ? address : rewriters[context](address);

  const resolverContext = {
    deps,
    domains,
    findRules,
    rewriteRules: rewriteRules.local,
    relocatedMaps: openMapList(deps, "relocated_maps"),
  };
  const normal = createResolver(resolverContext, "");
  const probing = createResolver(resolverContext, "address_verify_");
  function* resolveSafely(resolver: Resolver, sender: string, address: string): Steps<Resolved> {
    try {
      return yield* resolver.resolve(sender, address);
    } catch (error) {
      const reason = messageOf(error);
      deps.log?.warning(`cannot resolve <${address}>: ${reason}`);
      return {
        transport: "",
        nexthop: "",
        recipient: address,
        addressClass: "default",
        error: { kind: "temporary", code: "4.3.0", text: "address resolver failure" },
      };
    }
  }

  return {
    rewrite,
    rewriteInternal: (context, address) =>
      address === "" || isPlain(address) ? address : toInternal(rewrite(context, toExternal(address))),
    resolve: (sender, address) => runSteps(resolveSafely(normal, sender, address)),
    verifyResolve: (sender, address) => runSteps(resolveSafely(probing, sender, address)),
  };
}
