/**
 * The operating system: users and groups, privileges, locks, peer credentials, the syslog socket. The only room that
 * calls C functions; everything else in the program is plain Deno.
 */
export {
  lookupGroup,
  lookupUser,
  prepareUserLookups,
  type SystemGroup,
  type SystemUser,
  userGroups,
} from "./users.ts";
export {
  askPam,
  cryptPassword,
  lookupShadow,
  requireCrypt,
  requirePam,
  type ShadowEntry,
} from "./accounts.ts";
export { asUser, dropPrivileges, dropSupplementaryGroups, type Identity } from "./privileges.ts";
export { fcntlLock, fileLock, flock, flockTry } from "./locks.ts";
export { peerCredentials } from "./peer.ts";
export { connectDatagram, type DatagramSender } from "./datagram.ts";
export {
  type DirectoryEntry,
  type DirectoryHandle,
  openDirectory,
  type OpenFile,
  type OpenFileInfo,
  pathInfo,
} from "./directory_handle.ts";
export type { MoveResult } from "./directory_changes.ts";
export { becomeProgram, enterRoot } from "./execute.ts";
export { errorText } from "./libc.ts";
export {
  lastingCommand,
  type OwnCommand,
  PACKED_ENTRIES,
  PACKED_ENTRY,
  PACKED_FLAGS,
  packedForm,
  programFile,
  QUICK_COMMANDS,
  quickEntry,
  RUNTIME_FLAGS,
  selfCommand,
  serviceSelfCommand,
} from "./self.ts";
export { compilePosixRegex, type PosixRegex } from "./posix_regex.ts";
export { hasOpenssl, OpensslError, OpensslServer, OpensslSession } from "./openssl.ts";
export { compilePcre, hasPcre, PcreFlag, type PcrePattern } from "./pcre2.ts";
export { mapFile } from "./mapped_file.ts";
export { takeNewConnections } from "./newest_listener.ts";
export { endTurn } from "./turn.ts";
export { UserTurns } from "./user_turns.ts";
export { GroupSync } from "./group_sync.ts";
export { createFile, type FileHandle, openFile } from "./file_handle.ts";
export { changeMode, fileExists, renameFile, unlinkFile } from "./files.ts";
export { isExt4WithoutJournal, spreadSubdirectories } from "./ext4.ts";
export { servicePorts, tcpPort } from "./services.ts";
export { shellWord } from "./shell_word.ts";
export { findByte } from "./find_byte.ts";
