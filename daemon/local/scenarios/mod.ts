/** What is played to real Postfix and to Postel alike: every way that a local, virtual or piped delivery can end. */
import { aliasesScenarios } from "./aliases.ts";
import { commandsScenarios } from "./commands.ts";
import { forwardsScenarios } from "./forwards.ts";
import { hostileScenarios } from "./hostile.ts";
import { internationalScenarios } from "./international.ts";
import { listsScenarios } from "./lists.ts";
import { mailboxesScenarios } from "./mailboxes.ts";
import { originalsScenarios } from "./originals.ts";
import { pipeScenarios } from "./pipe.ts";
import { readmeDomainScenarios } from "./readme_domains.ts";
import { readmeRewritingScenarios } from "./readme_rewriting.ts";
import { readmeSiteScenarios } from "./readme_sites.ts";
import { settingsScenarios } from "./settings.ts";
import { transportsScenarios } from "./transports.ts";
import { virtualScenarios } from "./virtual.ts";
import type { Scenario } from "../world_testing.ts";

export const scenarios: readonly Scenario[] = [
  ...aliasesScenarios,
  ...listsScenarios,
  ...forwardsScenarios,
  ...mailboxesScenarios,
  ...commandsScenarios,
  ...transportsScenarios,
  ...virtualScenarios,
  ...pipeScenarios,
  ...settingsScenarios,
  ...hostileScenarios,
  ...internationalScenarios,
  ...originalsScenarios,
  ...readmeRewritingScenarios,
  ...readmeDomainScenarios,
  ...readmeSiteScenarios,
];
