package show

import (
	"fmt"
	"io"

	"github.com/freezedesign/webshop-deploy/deploy"
)

// Migrations prints migrations, in the order given, with what each operation
// means.
func Migrations(out io.Writer, migrations []deploy.Migration) {
	for _, migration := range migrations {
		transaction := ""
		if !migration.Transactional {
			transaction = " (not in one transaction)"
		}
		fmt.Fprintf(out, "  %s%s\n", migration, transaction)
		for _, operation := range migration.Operations {
			survived := "additive"
			switch {
			case operation.Unknown && !operation.Survived:
				survived = "not known to be additive"
			case !operation.Survived:
				survived = "not additive"
			}
			needed := ""
			if operation.Needed {
				needed = ", needed by the code"
			}
			fmt.Fprintf(out, "%s\n      %s%s, %s\n", deploy.Wrap(operation.Text, 4, 74), survived, needed, operation.Reversal)
			if operation.Why != "" {
				fmt.Fprintln(out, deploy.Wrap(operation.Why, 6, 72))
			}
			if operation.Blocks != "" {
				fmt.Fprintln(out, deploy.Wrap("blocks writes while it "+operation.Blocks, 6, 72))
			}
		}
	}
}
