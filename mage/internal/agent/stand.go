package agent

import "github.com/freezedesign/webshop-deploy/mage/internal/session"

// stand says what the records of the environment say.
func (s *server) stand() error {
	standing, err := session.Stand(s.store)
	if err != nil {
		return err
	}
	return s.say(Line{Standing: standing})
}
