/**
 * spawn(8): runs a command for each connection, as the user that master.cf names, with the connection as its standard
 * input and output: policy servers, filters and the like that know nothing of sockets.
 *
 *     policy unix - n n - 0 spawn user=nobody argv=/usr/local/bin/policy-server
 *
 * Logs commands that end badly: `warning: command /usr/local/bin/policy-server exit status 1`.
 */
export { createSpawn, type SpawnDeps, type SpawnService } from "./spawn.ts";
