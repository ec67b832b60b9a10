//! What the help shows below the arguments of commands: examples that people can type.

pub(super) const TEMPLATE_EXAMPLES: &str = "\
Examples:
  whatchanged templates logs/
      The forty most frequent kinds of message with their trend.
  whatchanged templates app.log --format json | jq '.templates[] | select(.count == 1)'
      What came once.
  whatchanged templates app.log --per-line > lines.csv
      Every record with its header taken apart and its template.";

pub(super) const PARSER_EXAMPLES: &str = "\
Examples:
  whatchanged parsers list
      All formats, and where each comes from.
  whatchanged parsers explain 'Aug 12 14:31:07 web-1 sshd[77]: Connection closed'
      Which format takes the line, what it finds, and where others stop.
  whatchanged parsers explain --file logs/shop/app.log:1284
      The same for a line of a file, with the lines before it.
  whatchanged parsers check my-formats/
      Run the samples of your own formats before using them with --parsers.";

pub(super) const DEMO_EXAMPLES: &str = "\
Examples:
  whatchanged demo
      What a report looks like, in a second and without any files.
  whatchanged demo --format html -o demo.html
      The same as a page with charts.
  whatchanged demo --keep demo/ && whatchanged risk demo/
      The files themselves, for the other commands.";

pub(super) const CONFIG_EXAMPLES: &str = "\
Examples:
  whatchanged config
      Which settings are not the usual ones, and where each comes from.
  whatchanged config analyze
      All settings of a command.
  whatchanged config --all > whatchanged.toml
      A file to start from; what is only a default stands in it as a comment.

A whatchanged.toml in the current folder is read, or the file that --config or WHATCHANGED_CONFIG names:
  tz = \"+02:00\"            # for every command that has the flag --tz
  [risk]
  fail-on = \"high\"         # for one command
  [history.show]
  format = \"json\"
A flag that is given goes before a variable such as WHATCHANGED_TZ, that before the file, and the file before the default.";

pub(super) const COMPLETION_EXAMPLES: &str = "\
Examples:
  whatchanged completions bash > ~/.local/share/bash-completion/completions/whatchanged
  whatchanged completions zsh > \"${fpath[1]}/_whatchanged\"
  whatchanged completions fish > ~/.config/fish/completions/whatchanged.fish";
