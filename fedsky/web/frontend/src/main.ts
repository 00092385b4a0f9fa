import 'bootstrap/dist/css/bootstrap.min.css'
import './styles/base.css'
import './styles/header.css'
import './styles/surfaces.css'
import './styles/content.css'
import './theme'
import { createApp } from 'vue'
import App from './App.vue'
import { applyLanguage } from './i18n'
import { router } from './router'
import { refreshSession } from './session'
import { sentence } from './api'
import { toast } from './toasts'

applyLanguage()
const app = createApp(App)
app.config.errorHandler = (error) => {
  console.error(error)
  toast('danger', sentence(error))
}

// After an update of the site the old pages' scripts are gone: load the page anew, once.
router.onError((error: Error, to) => {
  const KEY = 'fedsky.reloaded'
  if (/import|module/i.test(error.message) && sessionStorage.getItem(KEY) !== to.fullPath) {
    sessionStorage.setItem(KEY, to.fullPath)
    window.location.assign(to.fullPath)
  } else toast('danger', sentence(error))
})
app.use(router)
await Promise.all([refreshSession().catch((error: unknown) => toast('danger', sentence(error))), router.isReady()])
app.mount('#app')
