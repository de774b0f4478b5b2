package mage

import (
	"context"
	"os"

	"github.com/freezedesign/webshop-deploy/mage/internal/session"
	"github.com/freezedesign/webshop-deploy/mage/internal/show"
)

// Doctor looks what is wrong, and says the cause and what to type.
// It changes nothing, and ends with 1 where it has findings.
func Doctor(ctx context.Context,
	env *string, // the environment; the one that is deployed here by default
	json *bool, // print the findings for a program
	bundle *string, // write an archive without secrets, to attach to an issue; - for standard output
) error {
	ctx, cancel := session.Signals(ctx)
	defer cancel()
	diagnoses, err := examine(ctx, value(env), value(bundle))
	if err != nil {
		return err
	}
	for _, diagnosis := range diagnoses {
		switch {
		case value(bundle) == "-":
		case value(json):
			err = show.JSON(os.Stdout, diagnosis)
		default:
			show.Diagnosis(os.Stdout, diagnosis)
		}
		if err != nil {
			return err
		}
	}
	return worst(diagnoses)
}

// examine looks at an environment where it runs.
func examine(ctx context.Context, env, bundle string) ([]*session.Diagnosis, error) {
	l, err := elsewhere(ctx, env)
	if diagnosis, ok := session.Mistaken(env, err); ok {
		return []*session.Diagnosis{diagnosis}, nil
	}
	if err != nil {
		return nil, err
	}
	if l != nil {
		defer l.Close()
		return l.Doctor(ctx, bundle)
	}
	diagnosis, err := session.Examine(ctx, session.Options{Env: env}, bundle)
	return []*session.Diagnosis{diagnosis}, err
}

// worst is the error of the first diagnosis that found something.
func worst(diagnoses []*session.Diagnosis) error {
	for _, diagnosis := range diagnoses {
		if err := diagnosis.Err(); err != nil {
			return err
		}
	}
	return nil
}
