import { commands } from "./registry.ts";

export const help = `
Usage: postel completion bash|zsh|fish

Prints a completion script for the shell:
  bash   source <(postel completion bash)
  zsh    postel completion zsh > "\${fpath[1]}/_postel"
  fish   postel completion fish > ~/.config/fish/completions/postel.fish
`;

/**
 * The completion script for a shell; undefined for one that is not known. Names and summaries are ours and hold no
 * quotes; a test sees to it.
 */
export function completionScript(shell: string): string | undefined {
  const names = commands.map(({ name }) => name).join(" ");
  switch (shell) {
    case "bash":
      return `_postel() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "help --version ${names}" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ] && [ "\${COMP_WORDS[1]}" = help ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _postel postel`;
    case "zsh":
      return `#compdef postel
local -a commands
commands=(
${commands.map(({ name, summary }) => `  '${name}:${summary}'`).join("\n")}
)
(( CURRENT == 2 )) && commands+=('help:tell more about a command' '--version:print the version')
if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ $words[2] == help ]] }; then
  _describe command commands
else
  _files
fi`;
    case "fish":
      return [
        ...commands,
        { name: "help", summary: "tell more about a command" },
        { name: "--version", summary: "print the version" },
      ].map(({ name, summary }) =>
        `complete -c postel -n "__fish_use_subcommand" -f -a ${name} -d '${summary}'`
      ).concat(`complete -c postel -n "__fish_seen_subcommand_from help" -f -a '${names}'`).join("\n");
  }
  return undefined;
}

/** `postel completion SHELL`. Exit code 64 for a shell that it does not know. */
export function run(args: string[]): Promise<number> {
  const text = completionScript(args[0] ?? "");
  if (text === undefined || args.length !== 1) {
    console.error("postel completion: name one shell: bash, zsh or fish");
    return Promise.resolve(64);
  }
  console.log(text);
  return Promise.resolve(0);
}
