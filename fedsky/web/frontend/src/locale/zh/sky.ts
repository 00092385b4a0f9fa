export default { sunny: '晴', cloudy: '多云' }
